import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  cpSync,
  mkdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { byPath, type LoopbackServer, startServer } from '../feed/loopback-server.ts';
import { readTree } from '../publish/trees.ts';
import { lacks } from '../support/programs.ts';
import { azureAllowlist, workplace, writeConfiguration } from './command.ts';
import {
  CONNECTOR_TAGS,
  FOUR_TARGETS,
  SAMPLE_WEEKS,
  sampleConfiguration,
  twoRules,
} from './configurations.ts';

const [ONE, TWO] = SAMPLE_WEEKS;
const [connector, storage] = twoRules(undefined);

/** A folder with a published week; every test below must leave its output as it is. */
let folder: string;
let published: Map<string, string>;
let server: LoopbackServer;
let remove: () => void;

beforeAll(async () => {
  folder = workplace((done) => {
    remove = done;
  });
  server = await startServer(byPath({ '/page': '<html><p>The download has moved.</p></html>' }));
  writeConfiguration(folder, sampleConfiguration());
  const { status, stderr } = await azureAllowlist(['run', '--feed', ONE], { cwd: folder });
  expect(status, stderr).toBe(0);
  published = readTree(join(folder, 'allowlists'));
});
afterAll(async () => {
  await server.close();
  remove();
});

interface Refusal {
  readonly status: number;
  /** All of standard error, or parts of it that must be there. */
  readonly says: readonly (string | RegExp)[];
}

async function expectRefusal(args: readonly string[], { status, says }: Refusal): Promise<void> {
  const ended = await azureAllowlist(args, { cwd: folder });
  expect(ended.status, ended.stderr).toBe(status);
  expect(ended.stdout, 'standard output is for results').toBe('');
  for (const part of says)
    if (typeof part === 'string') expect(ended.stderr).toContain(part);
    else expect(ended.stderr).toMatch(part);
  expect(ended.stderr, 'one message').toHaveLength(ended.stderr.trimEnd().length + 1);
  expect(ended.stderr.match(/azure-allowlist: |^error: /gm)).toHaveLength(1);
  expect(ended.stderr, 'no stack').not.toMatch(/^\s+at /m);
  expect(readTree(join(folder, 'allowlists'))).toEqual(published);
}

/** Writes week two with its text changed, and returns its path. */
function feedWith(change: (text: string) => string): string {
  const text = readFileSync(TWO, 'utf8');
  const changed = change(text);
  expect(changed, 'the change applies').not.toBe(text);
  const path = join(folder, 'ServiceTags_Public_20260112.json');
  writeFileSync(path, changed);
  return path;
}

describe('a wrong configuration ends with status 5 and names its lines', () => {
  it.each<[string, Readonly<Record<string, unknown>>, readonly (string | RegExp)[]]>([
    ['an unknown key', { ruless: [] }, [/line \d+, ruless: unknown key — did you mean rules\?/]],
    [
      'a bad CIDR',
      {
        rules: [
          connector,
          { name: 'own', prefixes: ['10.0.0.1/8', '300.1.1.1/8', '10.0.0.0/33'], ports: [443] },
        ],
      },
      [
        /line \d+, rules\[1\]\.prefixes\[0\]: "10\.0\.0\.1\/8" has host bits set; did you mean 10\.0\.0\.0\/8 or 10\.0\.0\.1\/32\?/,
        /line \d+, rules\[1\]\.prefixes\[1\]: "300\.1\.1\.1\/8" is not an address or CIDR/,
        /line \d+, rules\[1\]\.prefixes\[2\]: /,
      ],
    ],
    [
      'several mistakes at once',
      {
        rules: [
          { ...storage, prots: [443] },
          { ...storage, ports: [0] },
        ],
        output: 7,
      },
      [/rules\[0\]\.prots: unknown key — did you mean ports\?/, /rules\[1\]\.ports/, /output/],
    ],
    [
      'an unknown target',
      { targets: { squidd: {} } },
      ['targets.squidd: there is no target "squidd"; did you mean squid?'],
    ],
    [
      'a wrong option of a target',
      { targets: { ...FOUR_TARGETS, squid: { colour: 'red' }, pac: {} } },
      [/line \d+, targets\.squid\.colour: unknown key/, /line \d+, targets\.pac\.otherwise: is required/],
    ],
    [
      'a wrong table and a wrong option at once',
      {
        rules: [{ ...connector, endpoints: ['private-network-conector'] }],
        targets: { ...FOUR_TARGETS, squid: { colour: 'red' } },
      },
      [
        /rules\[0\]\.endpoints\[0\]: .*private-network-connector/,
        /line \d+, targets\.squid\.colour: unknown key/,
      ],
    ],
    [
      'an unknown endpoint table',
      { rules: [{ ...connector, endpoints: ['private-network-conector'] }] },
      [/rules\[0\]\.endpoints\[0\]: .*private-network-connector/],
    ],
    [
      'a rehearsal of a target that no program here can try out',
      { publish: { rehearse: ['squid', 'pac'] } },
      [/line \d+, publish\.rehearse\[1\]: only .*squid.* can be rehearsed, not pac/],
    ],
    [
      'a template folder that is not there',
      { targets: { mine: { template: './nowhere' } } },
      [/targets\.mine: cannot read .*nowhere\/manifest\.yaml/],
    ],
  ])('%s', async (_, changes, says) => {
    writeConfiguration(folder, sampleConfiguration(changes), 'wrong.yaml');
    await expectRefusal(['run', '-c', 'wrong.yaml', '--feed', TWO], {
      status: 5,
      says: ['wrong.yaml is not a valid configuration', ...says],
    });
  });

  it('text that is not YAML', async () => {
    writeFileSync(join(folder, 'wrong.yaml'), 'version: 1\nrules: [\n');
    await expectRefusal(['run', '-c', 'wrong.yaml', '--feed', TWO], {
      status: 5,
      says: ['wrong.yaml is not a valid configuration', /line [23]: /],
    });
  });

  it('a file that is not there', async () => {
    await expectRefusal(['run', '-c', 'nowhere.yaml', '--feed', TWO], {
      status: 5,
      says: ['cannot read the configuration nowhere.yaml', '`azure-allowlist init` writes one'],
    });
  });
});

it('an unknown service tag is refused with status 3, and the tag that was meant is named', async () => {
  const rules = [{ ...connector, serviceTags: ['AzureClud', ...CONNECTOR_TAGS] }, storage];
  writeConfiguration(folder, sampleConfiguration({ rules }), 'wrong.yaml');
  await expectRefusal(['run', '-c', 'wrong.yaml', '--feed', TWO], {
    status: 3,
    says: [
      /tag-missing: the feed has no service tag AzureClud, which rule connector needs; did you mean AzureCloud/,
    ],
  });
});

describe('a feed that cannot be used ends with status 4 and names the place', () => {
  it.each<[string, () => string, readonly (string | RegExp)[]]>([
    ['a file that is not there', () => 'nowhere.json', ['nowhere.json: there is no such file']],
    [
      'truncated JSON',
      () => feedWith((text) => text.slice(0, text.length / 2)),
      [/ServiceTags_Public_20260112\.json: the content is not JSON, or only a part of it/],
    ],
    [
      'a prefix with host bits',
      () => feedWith((text) => text.replace('"198.19.1.0/24"', '"198.19.1.1/24"')),
      [/\$\.values\[\d+\]\.properties\.addressPrefixes\[\d+\]: "198\.19\.1\.1\/24" .*host bits are set/],
    ],
    [
      'a tag with a newline in its name',
      () =>
        feedWith((text) =>
          text.replace('"name": "AzureActiveDirectory"', '"name": "Azure\\nActiveDirectory"'),
        ),
      [/\$\.values\[\d+\]\.name: "Azure\\nActiveDirectory" is not allowed/],
    ],
    [
      'the file of another cloud',
      () => feedWith((text) => text.replace('"cloud": "Public"', '"cloud": "AzureGovernment"')),
      ['$.cloud', 'AzureGovernment'],
    ],
  ])('%s', async (_, feed, says) => {
    await expectRefusal(['run', '--feed', feed()], { status: 4, says });
  });

  it('a page without a link', async () => {
    const source = { kind: 'download', page: `${server.origin}/page`, directory: `${server.origin}/files/` };
    writeConfiguration(folder, sampleConfiguration({ feed: { source, http: { retries: 0 } } }), 'page.yaml');
    const { status, stdout, stderr } = await azureAllowlist(['run', '-c', 'page.yaml'], { cwd: folder });
    expect(status).toBe(4);
    expect(stdout).toBe('');
    expect(stderr).toContain(
      'azure-allowlist: cannot fetch the public feed: no strategy found a usable file',
    );
    expect(stderr).toContain(`${server.origin}/page`);
    expect(stderr).toContain('the page has no link to a ServiceTags_Public_<date>.json');
    expect(stderr).toContain('--feed FILE');
    expect(readTree(join(folder, 'allowlists'))).toEqual(published);
  });
});

describe('wrong usage ends with status 5', () => {
  it.each<[string, readonly string[], readonly (string | RegExp)[]]>([
    ['an unknown flag', ['run', '--dryrun'], ["unknown option '--dryrun'", '--dry-run']],
    ['an unknown command', ['rnu'], ["unknown command 'rnu'", '(Did you mean run?)']],
    ['a flag without its value', ['run', '--feed'], ['--feed <file|url>']],
    [
      'an unknown guard',
      ['run', '--feed', TWO, '--accept', 'tag-shrnk'],
      ['--accept tag-shrnk: there is no guard of that name', 'did you mean tag-shrink?'],
    ],
    ['a tree that is not one', ['verify', 'nowhere'], ['nowhere is not an output tree']],
    [
      'a document at a URL that is none',
      ['endpoints', 'check', 'http://bad url'],
      ['http://bad url: not a URL'],
    ],
  ])('%s', async (_, args, says) => {
    await expectRefusal(args, { status: 5, says });
  });
});

describe('a question that cannot be answered names what is wrong and the way out', () => {
  const OLD = `${TWO}.old`;
  it.each<[string, readonly string[], number, readonly (string | RegExp)[]]>([
    ['diff: a form there is not', ['diff', ONE, TWO, '--format', 'pdf'], 5, ['text, markdown, json, html']],
    ['diff: one side', ['diff', ONE], 5, ["missing required argument 'new'"]],
    ['diff: a feed that is not there', ['diff', ONE, OLD], 4, ['.old: there is no such file']],
    ['diff: a feed and a tree', ['diff', ONE, 'allowlists'], 5, ['give two of one kind']],
    [
      'diff: a tag there is not',
      ['diff', ONE, TWO, '--tag', 'AzureClud'],
      5,
      ['neither feed has it; did you mean AzureCloud'],
    ],
    [
      'diff: a folder that is no tree',
      ['diff', 'allowlists', 'allowlists/pac'],
      5,
      ['no allowlist.lock.json'],
    ],
    ['history: a folder there is not', ['history', 'nowhere'], 5, ['nowhere is not a directory']],
    [
      'history: neither feeds nor a tree',
      ['history', 'allowlists/pac'],
      5,
      [/pac holds neither weekly files, .* nor an output tree/],
    ],
    ['history: a form there is not', ['history', '--format', 'markdown'], 5, ['text, json, html']],
    [
      'check: not one query',
      ['check', 'a b', '1.2.3', '*.example.com'],
      5,
      ['argument 1', 'argument 2', 'argument 3'],
    ],
    ['check: no tree', ['check', '-o', 'nowhere', '192.0.2.1'], 5, ['`azure-allowlist run` makes one']],
    [
      'check: no configuration',
      ['check', '-c', 'none.yaml', '192.0.2.1'],
      5,
      ['`azure-allowlist init` writes one'],
    ],
    ['check: a flag there is not', ['check', '--jsn', '192.0.2.1'], 5, ["unknown option '--jsn'", '--json']],
    ['tags: a feed that is not there', ['tags', '--feed', OLD], 4, ['.old: there is no such file']],
  ])('%s', async (_, args, status, says) => {
    await expectRefusal(args, { status, says });
  });

  it.skipIf(lacks('git'))('revisions and trees that git has not', async () => {
    const git = (...args: readonly string[]) =>
      execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@example.com', ...args], { cwd: folder });
    await expectRefusal(['history', 'allowlists'], { status: 1, says: ['not a git repository', 'a clone'] });
    await expectRefusal(['diff', 'HEAD~1:allowlists', 'HEAD:allowlists'], {
      status: 1,
      says: ['not a git repository', 'a clone'],
    });
    git('init', '-q');
    try {
      await expectRefusal(['history', 'allowlists'], { status: 5, says: ['an output tree with commits'] });
      git('add', 'allowlists');
      git('commit', '-qm', 'week');
      await expectRefusal(['diff', 'HEAD~3:allowlists', 'HEAD:allowlists'], {
        status: 5,
        says: ['no revision HEAD~3; `git log --oneline -- allowlists` lists them'],
      });
      await expectRefusal(['diff', 'HEAD:nowhere', 'HEAD:allowlists'], {
        status: 5,
        says: ['at HEAD there is no nowhere/allowlist.lock.json'],
      });
    } finally {
      rmSync(join(folder, '.git'), { recursive: true });
    }
  });
});

describe('an output that cannot be written or read ends with status 1', () => {
  it('a file stands in its place', async () => {
    writeFileSync(join(folder, 'a-file'), 'mine\n');
    await expectRefusal(['run', '--feed', TWO, '-o', 'a-file'], {
      status: 1,
      says: [/cannot use .*a-file as the output directory: a file stands in its place/],
    });
    expect(readFileSync(join(folder, 'a-file'), 'utf8')).toBe('mine\n');
  });

  it.skipIf(process.platform !== 'linux')('a place where nothing can be written', async () => {
    await expectRefusal(['run', '--feed', TWO, '-o', '/proc/allowlists'], {
      status: 1,
      says: [
        'cannot write to the output directory /proc/allowlists',
        'the run needs the right to write there',
      ],
    });
  });

  it.skipIf(process.getuid?.() === 0)('a folder without the right to write', async () => {
    mkdirSync(join(folder, 'closed'));
    chmodSync(join(folder, 'closed'), 0o500);
    await expectRefusal(['run', '--feed', TWO, '-o', 'closed/allowlists'], {
      status: 1,
      says: ['closed/allowlists', 'the run needs the right to write there'],
    });
  });

  it.each<[string, (lock: string) => void, RegExp]>([
    ['a lock that was cut off', (lock) => truncateSync(lock, 300), /allowlist\.lock\.json is not JSON/],
    [
      'a lock of another kind',
      (lock) => writeFileSync(lock, '{}\n'),
      /allowlist\.lock\.json is not a lock that/,
    ],
    [
      'a snapshot that was edited',
      (lock) => appendFileSync(join(lock, '../snapshot/AzureCloud.txt'), '203.0.113.0/24\n'),
      /snapshot\/AzureCloud\.txt: was edited after it was generated/,
    ],
    [
      "the feed's space, edited",
      (lock) => appendFileSync(join(lock, '../azure-space.txt'), '203.0.113.0/24\n'),
      /azure-space\.txt was edited after it was generated/,
    ],
  ])('%s', async (_, spoil, says) => {
    const other = join(folder, 'spoilt');
    cpSync(join(folder, 'allowlists'), other, { recursive: true });
    spoil(join(other, 'allowlist.lock.json'));
    const before = readTree(other);
    for (const args of [
      ['run', '--feed', TWO, '-o', 'spoilt'],
      ['verify', 'spoilt'],
    ])
      await expectRefusal(args, { status: 1, says: [says, 'restore it from the repository'] });
    expect(readTree(other)).toEqual(before);
  });
});
