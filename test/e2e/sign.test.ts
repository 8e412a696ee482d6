import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { cpSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { formatLock, LOCK_FILE, parseLock } from '../../src/committed/lock.ts';
import { fileDigest } from '../../src/committed/output-tree.ts';
import { fetchTree } from '../../src/load/source.ts';
import { azureAllowlist, workplace, writeConfiguration } from './command.ts';
import { SAMPLE_WEEKS, sampleConfiguration } from './configurations.ts';

const [ONE, TWO] = SAMPLE_WEEKS;

const pem = (key: KeyObject) =>
  key.export({ format: 'pem', type: key.type === 'private' ? 'pkcs8' : 'spki' }).toString();

/** A folder with two pairs of keys, a pair of another kind, and a configuration that signs with the first. */
function signing(more: Readonly<Record<string, unknown>> = {}, finished?: (remove: () => void) => void) {
  const folder = workplace(finished);
  for (const name of ['own', 'other']) {
    const { privateKey, publicKey } = generateKeyPairSync('ed25519');
    writeFileSync(join(folder, `${name}.pem`), pem(privateKey));
    writeFileSync(join(folder, `${name}.pub.pem`), pem(publicKey));
  }
  writeFileSync(
    join(folder, 'ec.pem'),
    pem(generateKeyPairSync('ec', { namedCurve: 'prime256v1' }).privateKey),
  );
  const configure = (given: Readonly<Record<string, unknown>> = {}) =>
    writeConfiguration(
      folder,
      sampleConfiguration({ targets: { iptables: {} }, sign: { key: 'own.pem' }, ...more, ...given }),
    );
  configure();
  const run = (
    feed: string,
    flags: readonly string[] = [],
    environment: Readonly<Record<string, string>> = {},
  ) => azureAllowlist(['run', '--feed', feed, ...flags], { cwd: folder, environment });
  const verify = (key: string) =>
    azureAllowlist(['verify', 'allowlists', '--public-key', key], { cwd: folder });
  return { folder, out: join(folder, 'allowlists'), configure, run, verify };
}

const lockOf = (out: string) => parseLock(readFileSync(join(out, LOCK_FILE), 'utf8'), LOCK_FILE);

describe('a signed tree', () => {
  let signed: ReturnType<typeof signing>;
  let remove: () => void;
  beforeAll(async () => {
    signed = signing({}, (own) => {
      remove = own;
    });
    const { status, stderr } = await signed.run(ONE);
    expect(status, stderr).toBe(0);
  });
  afterAll(() => remove());

  it('is proved by the public key, and by no other', async () => {
    const good = await signed.verify('own.pub.pem');
    expect(good.stderr).toBe('');
    expect(good.stdout).toContain('; signed by the owner of the public key');
    const other = await signed.verify('other.pub.pem');
    expect(other.status).toBe(1);
    expect(other.stderr).toContain('allowlist.lock.json: is not signed by the owner of this public key');
  });

  it('is the same bytes again, and stays as it is while nothing changes', async () => {
    const again = signing();
    cpSync(signed.folder, again.folder, { recursive: true });
    const text = readFileSync(join(signed.out, LOCK_FILE), 'utf8');
    expect((await again.run(ONE)).status).toBe(0);
    expect(readFileSync(join(again.out, LOCK_FILE), 'utf8')).toBe(text);
    expect((await again.run(TWO)).status).toBe(0);
    expect((await again.verify('own.pub.pem')).status).toBe(0);
    expect(lockOf(again.out).signature).not.toBe(lockOf(signed.out).signature);
  });

  it('finds out a hand that puts every digest right', async () => {
    const forged = signing();
    cpSync(signed.folder, forged.folder, { recursive: true });
    const lock = lockOf(forged.out);
    const file = readdirSync(join(forged.out, 'snapshot'))[0]!;
    expect(file).toBeDefined();
    const forgedLock = { ...lock, feed: { ...lock.feed, fileDate: '2025-12-01' } };
    writeFileSync(join(forged.out, LOCK_FILE), formatLock(forgedLock));
    // Without the key nothing tells.
    expect((await azureAllowlist(['verify', 'allowlists'], { cwd: forged.folder })).status).toBe(0);
    expect((await forged.verify('own.pub.pem')).stderr).toContain('is not signed by the owner');
    const refused = await forged.run(TWO);
    expect(refused.status).toBe(3);
    expect(refused.stderr).toMatch(/lock-edited: allowlist\.lock\.json is not signed with the key/);
    const { signature: _, ...bare } = forgedLock;
    writeFileSync(join(forged.out, LOCK_FILE), formatLock(bare));
    expect((await forged.verify('own.pub.pem')).stderr).toContain('carries no signature');
    expect((await forged.run(TWO)).stderr).toContain('carries no signature, though a key is configured');
  });

  it.each<[string, (text: string) => string]>([
    [
      'a key twice',
      (text) => text.replace('  "acceptances": [],', '  "acceptances": [1],\n  "acceptances": [],'),
    ],
    ['a space', (text) => text.replace('"version": 1', '"version":  1')],
    ['a line at the end', (text) => `${text}\n`],
    ['more behind the signature', (text) => text.replace(/"signature": "([^"]+)"/, '"signature": "$1!!"')],
  ])('finds out a lock that is spelled otherwise than it was signed: %s', async (_, edit) => {
    const forged = signing();
    cpSync(signed.folder, forged.folder, { recursive: true });
    const text = readFileSync(join(forged.out, LOCK_FILE), 'utf8');
    expect(edit(text)).not.toBe(text);
    writeFileSync(join(forged.out, LOCK_FILE), edit(text));
    expect((await forged.verify('own.pub.pem')).status).toBe(1);
    expect((await forged.run(TWO)).status).toBe(3);
  });

  it('is said to be left unsigned where no key is configured any more', async () => {
    const bare = signing();
    cpSync(signed.folder, bare.folder, { recursive: true });
    bare.configure({ sign: undefined });
    const { status, stderr } = await bare.run(TWO);
    expect(status, stderr).toBe(0);
    expect(stderr).toContain('the tree in force is signed, and no key is configured');
    expect(lockOf(bare.out).signature).toBeUndefined();
  });

  it('is what a device can ask for', async () => {
    const fetched = (key: string) =>
      fetchTree({
        source: signed.out,
        environment: {},
        report: () => undefined,
        publicKey: join(signed.folder, key),
      });
    const { lock } = await fetched('own.pub.pem');
    expect(lock.files['iptables/iptables.rules']).toBe(
      fileDigest(readFileSync(join(signed.out, 'iptables/iptables.rules'), 'utf8')),
    );
    await expect(fetched('other.pub.pem')).rejects.toThrow('nothing was loaded');
  });
});

it('begins, and changes its key, with an acceptance, and then needs none', async () => {
  const { out, configure, run, verify } = signing({ sign: undefined });
  expect((await run(ONE)).status).toBe(0);
  expect(lockOf(out).signature).toBeUndefined();
  for (const name of ['own', 'other']) {
    configure({ sign: { key: `${name}.pem` } });
    expect((await run(ONE)).status).toBe(3);
    const { status, stderr } = await run(ONE, ['--accept', 'lock-edited']);
    expect(status, stderr).toBe(0);
    expect((await verify(`${name}.pub.pem`)).status).toBe(0);
    expect((await run(ONE)).status).toBe(0);
  }
});

describe('a key that cannot be used is told before anything is fetched', () => {
  it.each<[string, unknown, Readonly<Record<string, string>>, RegExp]>([
    ['no file', 'none.pem', {}, /sign\.key: .*none\.pem cannot be read/],
    ['the public key', 'own.pub.pem', {}, /own\.pub\.pem: holds no key in PEM/],
    ['another kind', 'ec.pem', {}, /ec\.pem: holds a key of ec, not of Ed25519/],
    ['no variable', { environment: 'SIGN_KEY' }, {}, /the environment variable SIGN_KEY is not set/],
    ['a key in its place', { environment: '-----BEGIN' }, {}, /names no environment variable/],
    ['a token', { environment: 'SIGN_KEY' }, { SIGN_KEY: 'geheim' }, /SIGN_KEY: holds no key in PEM/],
  ])('%s', async (_, key, environment, what) => {
    const { out, run } = signing({ sign: { key } });
    const { status, stderr } = await run('https://127.0.0.1:9/none.json', [], environment);
    expect(status).toBe(5);
    expect(stderr).toMatch(what);
    expect(stderr).not.toContain('geheim');
    expect(() => lockOf(out)).toThrow();
  });

  it('takes the key of a variable, in one line too', async () => {
    const { folder, run, verify } = signing({ sign: { key: { environment: 'SIGN_KEY' } } });
    const text = readFileSync(join(folder, 'own.pem'), 'utf8').replaceAll('\n', '\\n');
    const { status, stderr } = await run(ONE, [], { SIGN_KEY: text });
    expect(status, stderr).toBe(0);
    expect((await verify('own.pub.pem')).status).toBe(0);
    const wrong = await verify('own.pem');
    expect(wrong.status).toBe(5);
    expect(wrong.stderr).toContain('holds the private key, which belongs to the job alone');
  });
});

it('finds out provenance that somebody forged in every form, with every digest made anew', async () => {
  const { folder, out, run } = signing({
    sign: undefined,
    targets: { raw: { addresses: 'always', formats: 'csv ndjson json' } },
  });
  expect((await run(ONE)).status).toBe(0);
  const lock = lockOf(out);
  const files = { ...lock.files };
  for (const path of Object.keys(files).filter((one) => one.startsWith('raw/'))) {
    const text = readFileSync(join(out, path), 'utf8').replaceAll('Storage.WestEurope', 'Sql.EastUS');
    writeFileSync(join(out, path), text);
    files[path] = fileDigest(text);
  }
  writeFileSync(join(out, LOCK_FILE), formatLock({ ...lock, files }));
  const { status, stderr } = await azureAllowlist(['verify', 'allowlists'], { cwd: folder });
  expect(status).toBe(1);
  expect(stderr).toContain('raw/prefixes.csv: is not what the policy of the lock gives');
});
