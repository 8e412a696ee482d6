import { execFileSync } from 'node:child_process';
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { SMTPServer } from 'smtp-server';
import { describe, expect, it, onTestFinished } from 'vitest';
import { EVENTS } from '../../src/notify/kinds.ts';
import { startServer } from '../feed/loopback-server.ts';
import { azureAllowlist, workplace, writeConfiguration } from './command.ts';
import { SAMPLE_WEEKS, sampleConfiguration } from './configurations.ts';

const [ONE, TWO] = SAMPLE_WEEKS;
const SECRET = 'T0SECRET/B0SECRET/xyz';

/** The sample weeks are old: what is told of that is tested by itself. */
const FRESH_EVENTS = EVENTS.filter((event) => event !== 'stale');

/** A webhook that keeps what it is sent. */
async function webhook(answer: () => number = () => 200) {
  const bodies: Record<string, unknown>[] = [];
  const paths: string[] = [];
  const server = await startServer((request, response) => {
    let text = '';
    request.on('data', (part) => {
      text += part;
    });
    request.on('end', () => {
      bodies.push(JSON.parse(text));
      paths.push(request.url!);
      response.writeHead(answer()).end('ok');
    });
  });
  onTestFinished(() => server.close());
  return { url: `${server.origin}/services/${SECRET}`, bodies, paths };
}

/** A mail server on loopback that asks for a user and a password. */
async function mailServer() {
  const mails: string[] = [];
  const server = new SMTPServer({
    disabledCommands: ['STARTTLS'],
    allowInsecureAuth: true,
    onAuth: ({ username, password }, _, done) =>
      username === 'job' && password === 'pa:ss' ? done(null, { user: 'job' }) : done(new Error('no')),
    onData: (stream, _, done) => {
      let text = '';
      stream.setEncoding('utf8').on('data', (part: string) => {
        text += part;
      });
      stream.on('end', () => {
        mails.push(text);
        done();
      });
    },
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => new Promise<void>((resolve) => server.close(() => resolve())));
  const { port } = server.server.address() as { port: number };
  return { mails, url: (password: string) => `smtp://job:${encodeURIComponent(password)}@127.0.0.1:${port}` };
}

function place(notify: object) {
  const folder = workplace();
  const configure = (more: object = {}) =>
    writeConfiguration(folder, sampleConfiguration({ targets: { iptables: {} }, notify, ...more }));
  configure();
  const run = (feed: string, environment: Record<string, string> = {}, ...flags: string[]) =>
    azureAllowlist(['run', '--feed', feed, ...flags], { cwd: folder, environment });
  return { folder, configure, run };
}

/** The second week, without most of a tag. */
function shrunk(folder: string): string {
  const week = JSON.parse(readFileSync(TWO, 'utf8'));
  for (const value of week.values)
    if (value.name === 'Storage.WestEurope') value.properties.addressPrefixes = ['198.19.1.0/24'];
  const file = join(folder, 'ServiceTags_Public_20260112.json');
  writeFileSync(file, JSON.stringify(week));
  return file;
}

describe('people are told', () => {
  it('of a change, a refusal, a failure and the recovery, and of nothing else', async () => {
    const { url, bodies } = await webhook();
    const { folder, run } = place({ webhooks: [{ url: { environment: 'HOOK' }, on: FRESH_EVENTS }] });
    const HOOK = { HOOK: url };
    expect((await run(ONE, HOOK)).status).toBe(0);
    expect((await run(ONE, HOOK)).status).toBe(0);
    expect((await run(shrunk(folder), HOOK)).status).toBe(3);
    expect((await run('/no/such/feed.json', HOOK)).status).toBe(4);
    expect((await run(ONE, HOOK)).status).toBe(0);
    const dry = await run(TWO, HOOK, '--dry-run');
    expect(dry.status).toBe(0);
    expect((await run(TWO, HOOK)).status).toBe(0);
    expect(bodies.map(({ event }) => event)).toEqual(['look', 'refusal', 'failure', 'recovery', 'look']);
    expect(bodies[0]).toMatchObject({
      version: 1,
      link: null,
      lines: [expect.stringMatching(/^iptables first files: /)],
    });
    expect(bodies[1]).toMatchObject({
      title: expect.stringContaining('refused by tag-shrink'),
      lines: expect.arrayContaining([expect.stringMatching(/^tag-shrink: /)]),
    });
    expect(bodies[2]!.text).toContain('/no/such/feed.json');
    expect(bodies[4]!.lines).toEqual([expect.stringMatching(/^iptables \+648 −64 IPv4/)]);
  });

  it('in the form that Slack and Teams take', async () => {
    const slack = await webhook();
    const teams = await webhook();
    const { run } = place({
      webhooks: [
        { url: slack.url, form: 'slack', on: FRESH_EVENTS },
        { url: teams.url, form: 'teams', on: ['look'] },
        { url: teams.url, form: 'teams', on: ['failure'] },
      ],
    });
    const { status, stderr } = await run(ONE);
    expect(status, stderr).toBe(0);
    expect(slack.bodies).toEqual([
      { text: expect.stringMatching(/^\*Azure allowlist.*\*\n[\s\S]*\n• iptables first files: /) },
    ]);
    expect(teams.bodies).toHaveLength(1);
    expect(teams.bodies[0]).toMatchObject({
      type: 'message',
      attachments: [
        {
          contentType: 'application/vnd.microsoft.card.adaptive',
          content: { type: 'AdaptiveCard', body: [{ type: 'TextBlock', weight: 'Bolder' }, {}, {}] },
        },
      ],
    });
  });

  it('of a feed that becomes stale, once', async () => {
    const { url, bodies } = await webhook();
    const { folder, run } = place({ webhooks: [{ url, on: ['stale'] }] });
    const fresh = join(
      folder,
      `ServiceTags_Public_${new Date().toISOString().slice(0, 10).replaceAll('-', '')}.json`,
    );
    copyFileSync(TWO, fresh);
    for (const feed of [ONE, ONE, fresh]) {
      const { status, stderr } = await run(feed);
      expect(status, stderr).toBe(0);
    }
    expect(bodies.map(({ event, text }) => [event, text])).toEqual([
      ['stale', expect.stringMatching(/^The feed is of 2026-01-05, \d+ days old; over 30 days /)],
    ]);
  });

  it('in words of their own', async () => {
    const { url, bodies } = await webhook();
    const { mails, url: mailUrl } = await mailServer();
    const { folder, run } = place({
      webhooks: [
        { url, template: 'hook.hbs', on: FRESH_EVENTS },
        { url, template: 'wrong.hbs', on: FRESH_EVENTS },
        { url, template: 'no-json.hbs', on: FRESH_EVENTS },
        { url, template: 'pipe.hbs', on: FRESH_EVENTS },
      ],
      mail: {
        server: mailUrl('pa:ss'),
        from: 'job@example.com',
        to: ['network@example.com'],
        template: 'mail.hbs',
        on: FRESH_EVENTS,
      },
    });
    const write = (file: string, text: string) => writeFileSync(join(folder, file), text);
    write('hook.hbs', '{"kind": {{json kind}}, "first": {{json lines.[0]}}, "link": {{json link}} }');
    write('wrong.hbs', '{"kind": {{json knid}} }');
    write('no-json.hbs', '{{title}}');
    execFileSync('mkfifo', [join(folder, 'pipe.hbs')]);
    write('mail.hbs', 'Heads up ({{kind}}): {{#each lines}}<{{this}}>{{/each}}');
    const { status, stderr } = await run(ONE);
    expect(status, stderr).toBe(0);
    expect(bodies, stderr).toEqual([
      { kind: 'look', first: expect.stringMatching(/^iptables first files: /), link: null },
    ]);
    expect(mails[0]).toMatch(/Heads up \(look\): <iptables first files: /);
    expect(stderr).toMatch(/notify\.webhooks\[1\]: cannot notify: .*wrong\.hbs: .*needs a field/);
    expect(stderr).toMatch(/notify\.webhooks\[3\]: cannot notify: .*pipe\.hbs is a pipe, not a file/);
    expect(stderr).toMatch(/notify\.webhooks\[2\]: cannot notify: .*no-json\.hbs does not make JSON/);
  });

  it('by mail', async () => {
    const { mails, url } = await mailServer();
    const { run } = place({
      mail: {
        server: { environment: 'MAIL' },
        from: 'job@example.com',
        to: ['network@example.com'],
        on: FRESH_EVENTS,
      },
    });
    const { status, stderr } = await run(ONE, { MAIL: url('pa:ss') });
    expect(status, stderr).toBe(0);
    expect(mails).toHaveLength(1);
    expect(mails[0]).toMatch(
      /^From: job@example\.com\r\nTo: network@example\.com\r\nSubject: Azure allowlist/m,
    );
    const refused = await run(TWO, { MAIL: url('wrong') });
    expect(refused.status).toBe(0);
    expect(refused.stderr).toContain('notify.mail: cannot notify');
    expect(refused.stderr).not.toContain('wrong');
  });

  it.each([
    ['answers 500', async () => (await webhook(() => 500)).url],
    ['is not there', async () => `http://127.0.0.1:9/services/${SECRET}`],
  ])('fails no run where a webhook %s, and repeats no secret', async (_, urlOf) => {
    const { run, folder } = place({ webhooks: [{ url: { environment: 'HOOK' } }] });
    const { status, stdout, stderr } = await run(ONE, { HOOK: await urlOf() });
    expect(status, stderr).toBe(0);
    expect(stderr).toContain('notify.webhooks[0]: cannot notify');
    const written = `${stdout}${stderr}${readFileSync(join(folder, 'allowlists/allowlist.lock.json'), 'utf8')}`;
    for (const part of SECRET.split('/')) expect(written).not.toContain(part);
    // A variable that is not set is said as well.
    expect((await run(ONE, {})).status).toBe(0);
    expect((await run(TWO, {})).stderr).toMatch(/cannot notify: .*HOOK gives nothing/s);
  });
});
