import { execFileSync, spawn } from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse, parseAllDocuments, stringify } from 'yaml';
import { githubServer } from '../forge/github-server.ts';
import { type BuiltProduct, buildProduct } from '../support/built-product.ts';
import { lacks } from '../support/programs.ts';

const deploy = fileURLToPath(new URL('../../deploy/', import.meta.url));
const sample = fileURLToPath(new URL('../../data/sample/', import.meta.url));
const WEEKS = ['20260105', '20260112'].map((week) => join(sample, `ServiceTags_Public_${week}.json`));
const TOKEN = 'tok-0123456789';
const CHANGE = 'azure-allowlist/update';

type Environment = Readonly<Record<string, string>>;
interface Step {
  readonly run: string;
  readonly env: Environment;
}

/** Puts values in the place of expressions such as `${{ inputs.package }}`; an unknown one is an error. */
function fill(text: string, open: string, close: string, values: Environment): string {
  const literal = (part: string) => part.replace(/[$[\](){}]/g, '\\$&');
  return text.replaceAll(new RegExp(`${literal(open)}\\s*([\\w.]+)\\s*${literal(close)}`, 'g'), (_, name) => {
    if (values[name] === undefined) throw new Error(`no value for ${name}`);
    return values[name];
  });
}

describe.skipIf(lacks('git', 'bash'))('the recipes for CI, step by step', () => {
  let work: string;
  let tarball: string;
  let product: BuiltProduct;

  beforeAll(async () => {
    product = await buildProduct();
    work = mkdtempSync(join(realpathSync(tmpdir()), 'recipes-'));
    // As a package: nothing of the checkout is at hand where it is installed.
    execFileSync('npm', ['pack', '--ignore-scripts', '--silent', '--pack-destination', work], {
      cwd: product.folder,
      stdio: 'ignore',
    });
    tarball = join(work, readdirSync(work).find((name) => name.endsWith('.tgz'))!);
  });
  afterAll(() => {
    product?.remove();
    rmSync(work, { recursive: true, force: true });
  });

  /** A repository with a configuration, a bare one to push to, and what a runner checks out: a detached HEAD. */
  async function runner(name: string) {
    const place = join(work, name);
    const [bare, checkout, home] = ['bare.git', 'checkout', 'home'].map((part) => join(place, part)) as [
      string,
      string,
      string,
    ];
    for (const folder of [bare, checkout, home]) mkdirSync(folder, { recursive: true });
    const npm = (key: string) => execFileSync('npm', ['config', 'get', key], { encoding: 'utf8' }).trim();
    // Of the machine: how npm reaches its registry. Of git and the CI that these tests run in: nothing.
    const reach = Object.entries(process.env).filter(
      ([name, value]) => value !== undefined && /proxy$|^NODE_EXTRA_CA_CERTS$|^SSL_CERT/i.test(name),
    ) as [string, string][];
    const base: Environment = {
      ...Object.fromEntries(reach),
      PATH: `${join(place, 'global/bin')}:${process.env.PATH}`,
      HOME: home,
      GIT_CONFIG_GLOBAL: join(home, '.gitconfig'),
      GIT_CONFIG_NOSYSTEM: '1',
      npm_config_prefix: join(place, 'global'),
      // The machine's own settings of npm, whatever the home folder.
      npm_config_userconfig: npm('userconfig'),
      npm_config_cache: npm('cache'),
      npm_config_prefer_offline: 'true',
    };
    const git = (folder: string, ...args: string[]) =>
      execFileSync('git', args, { cwd: folder, env: base, encoding: 'utf8' }).trim();
    git(bare, 'init', '--quiet', '--bare', '--initial-branch=main');
    git(checkout, 'init', '--quiet', '--initial-branch=main');
    git(checkout, 'remote', 'add', 'origin', bare);
    const forge = githubServer();
    const server = await forge.server;
    const configuration = parse(readFileSync(join(sample, 'allowlist.yaml'), 'utf8')) as object;
    writeFileSync(
      join(checkout, 'allowlist.yaml'),
      stringify({
        ...configuration,
        output: 'allowlists',
        publish: {
          git: {
            pullRequest: {
              forge: 'github',
              api: server.origin,
              project: 'net/rules',
              token: { environment: 'THE_TOKEN' },
            },
          },
        },
      }),
    );
    cpSync(tarball, join(checkout, 'azure-allowlist.tgz'));
    writeFileSync(join(checkout, '.gitignore'), '*.tgz\n.azure-allowlist/\n*.env\n');
    git(checkout, 'add', '.');
    git(
      checkout,
      ...['-c', 'user.name=A', '-c', 'user.email=a@example.com', 'commit', '--quiet', '-m', 'Begin'],
    );
    git(checkout, 'push', '--quiet', 'origin', 'main');
    git(checkout, 'checkout', '--quiet', '--detach');
    const step = async ({ run, env }: Step, more: Environment) => {
      const child = spawn('bash', ['--noprofile', '--norc', '-eo', 'pipefail', '-c', run], {
        cwd: checkout,
        env: { ...base, THE_TOKEN: TOKEN, ...more, ...env },
        stdio: ['ignore', 'pipe', 'pipe'],
        timeout: 120_000,
      });
      let said = '';
      for (const stream of [child.stdout, child.stderr])
        stream.setEncoding('utf8').on('data', (data: string) => {
          said += data;
        });
      const status = await new Promise<number | null>((done) => child.once('close', done));
      expect(status, said).toBe(0);
      return said;
    };
    return { place, checkout, pulls: forge.pulls, step, git, bare };
  }

  /** What stands in the end: a branch with one commit on the remote, and a pull request for it. */
  function expectProposed({ git, bare, checkout, pulls }: Awaited<ReturnType<typeof runner>>): string {
    expect(pulls).toHaveLength(1);
    expect(pulls[0]).toMatchObject({ head: CHANGE, base: 'main' });
    expect(git(bare, 'rev-list', '--count', `main..${CHANGE}`)).toBe('1');
    expect(git(bare, 'ls-tree', '-r', '--name-only', CHANGE)).toContain('allowlists/allowlist.lock.json');
    expect(git(checkout, 'status', '--porcelain')).toBe('');
    return git(bare, 'rev-parse', CHANGE);
  }

  it('GitHub Actions: installs the package, runs, and opens a pull request', async () => {
    const place = await runner('github');
    const action = parse(readFileSync(join(deploy, 'github/action.yml'), 'utf8')) as {
      inputs: Record<string, { default?: string; required?: boolean }>;
      outputs: Record<string, { value: string }>;
      runs: { steps: { id?: string; run?: string; shell?: string; env?: Record<string, string> }[] };
    };
    const workflow = parse(readFileSync(join(deploy, 'github/workflow.yml'), 'utf8')) as {
      jobs: { allowlist: { steps: { uses: string; with: Record<string, string> }[] } };
    };
    const { with: given } = workflow.jobs.allowlist.steps.find(({ uses }) => uses.startsWith('./'))!;
    for (const [name, { required }] of Object.entries(action.inputs))
      if (required === true) expect(given).toHaveProperty(name);
    const context: Record<string, string> = {
      'github.token': TOKEN,
      'runner.temp': join(place.place, 'temp'),
    };
    const output = join(place.place, 'output');
    const summary = join(place.place, 'summary');
    const ci = {
      GITHUB_ACTIONS: 'true',
      GITHUB_REF_NAME: 'main',
      GITHUB_REF_TYPE: 'branch',
      GITHUB_OUTPUT: output,
      GITHUB_STEP_SUMMARY: summary,
    };
    const run = async (week: string) => {
      const inputs = { ...given, arguments: `--feed ${week}` };
      for (const [name, { default: usual }] of Object.entries(action.inputs))
        context[`inputs.${name}`] =
          (inputs as Record<string, string>)[name] ?? fill(usual ?? '', '${{', '}}', context);
      writeFileSync(output, '');
      for (const { run, env = {}, shell } of action.runs.steps) {
        if (run === undefined) continue;
        expect(shell).toBe('bash');
        // Expressions stand in the environment alone: none can become a command.
        expect(run).not.toContain('${{');
        const filled = Object.entries(env).map(([key, value]) => [key, fill(value, '${{', '}}', context)]);
        await place.step({ run, env: Object.fromEntries(filled) }, ci);
      }
    };
    await run(WEEKS[0]!);
    const first = expectProposed(place);
    const outputs = new Set(
      readFileSync(output, 'utf8')
        .split('\n')
        .map((line) => line.split('=')[0]),
    );
    for (const { value } of Object.values(action.outputs))
      expect(outputs).toContain(/steps\.run\.outputs\.(\w+)/.exec(value)![1]);
    expect(readFileSync(output, 'utf8')).toMatch(/^outcome=proposed$[\s\S]*^pull_request=https:/m);
    expect(readFileSync(summary, 'utf8')).toContain('Azure allowlist');
    // The next week, while it is open: the same pull request, one commit.
    await run(WEEKS[1]!);
    expect(expectProposed(place)).not.toBe(first);
  }, 300_000);

  it('GitLab CI: its script ends with a pushed branch and the outputs of the job', async () => {
    const place = await runner('gitlab');
    const [spec, jobs] = parseAllDocuments(
      readFileSync(join(deploy, 'gitlab/azure-allowlist.yml'), 'utf8'),
    ).map((document) => document.toJS()) as [
      { spec: { inputs: Record<string, { default?: string } | null> } },
      Record<string, { script: string[]; artifacts: { reports: { dotenv: string } } }>,
    ];
    const given: Record<string, string> = {
      package: './azure-allowlist.tgz',
      arguments: `--feed ${WEEKS[0]}`,
    };
    const inputs = Object.fromEntries(
      Object.entries(spec.spec.inputs).map(([name, input]) => [
        `inputs.${name}`,
        given[name] ?? input?.default ?? '',
      ]),
    );
    const { script, artifacts } = jobs['azure-allowlist']!;
    const lines = script.map((line) => fill(line, '$[[', ']]', inputs));
    const push = lines.findIndex((line) => line.startsWith('git remote set-url --push'));
    // The address of the remote is the runner's; here it is a folder.
    expect(lines[push]).toContain('$GITLAB_TOKEN@$CI_SERVER_HOST/$CI_PROJECT_PATH.git');
    lines[push] = `test -n "${'$'}{GITLAB_TOKEN}" && git remote set-url --push origin ${place.bare}`;
    await place.step(
      { run: lines.join('\n'), env: {} },
      {
        CI: 'true',
        GITLAB_CI: 'true',
        GITLAB_TOKEN: TOKEN,
        CI_COMMIT_BRANCH: 'main',
        CI_SERVER_HOST: 'gitlab.example.com',
        CI_PROJECT_DIR: place.checkout,
      },
    );
    expectProposed(place);
    expect(readFileSync(join(place.checkout, artifacts.reports.dotenv), 'utf8')).toMatch(
      /^AZURE_ALLOWLIST_OUTCOME=proposed$/m,
    );
  }, 300_000);

  it('Azure Pipelines: its steps end with a pushed branch and the outputs of the step', async () => {
    const place = await runner('azure-pipelines');
    const pipeline = parse(readFileSync(join(deploy, 'azure-pipelines/azure-pipelines.yml'), 'utf8')) as {
      variables: Record<string, string>;
      steps: { bash?: string; env?: Record<string, string> }[];
    };
    const values: Record<string, string> = {
      'Pipeline.Workspace': join(place.place, 'workspace'),
      'System.AccessToken': TOKEN,
    };
    for (const [name, value] of Object.entries(pipeline.variables))
      values[name] = fill(value, '$(', ')', values);
    let said = '';
    for (const { bash, env = {} } of pipeline.steps) {
      if (bash === undefined) continue;
      const run = fill(bash, '$(', ')', values).replace(
        /(azure-allowlist run [^\n]*)/,
        `$1 --feed ${WEEKS[0]}`,
      );
      const filled = Object.entries(env).map(([key, value]) => [key, fill(value, '$(', ')', values)]);
      said = await place.step(
        { run, env: Object.fromEntries(filled) },
        { TF_BUILD: 'True', BUILD_SOURCEBRANCH: 'refs/heads/main', AGENT_TEMPDIRECTORY: place.place },
      );
    }
    expectProposed(place);
    expect(said).toMatch(/^##vso\[task\.setvariable variable=outcome;isOutput=true\]proposed$/m);
  }, 300_000);
});

describe.skipIf(lacks('systemd-analyze'))('the units', () => {
  it('are taken by systemd, and a misspelt one is not', () => {
    const folder = mkdtempSync(join(realpathSync(tmpdir()), 'units-'));
    try {
      const units = readdirSync(join(deploy, 'systemd'));
      expect(units).toHaveLength(4);
      const verify = (change: (text: string) => string) => {
        for (const unit of units)
          writeFileSync(
            join(folder, unit),
            // The program is not installed here.
            change(readFileSync(join(deploy, 'systemd', unit), 'utf8')).replace(
              /^ExecStart=\/usr\/local\/bin\/azure-allowlist /m,
              'ExecStart=/bin/true ',
            ),
          );
        const paths = units.map((unit) => join(folder, unit.replace('@.', '@nftables.')));
        for (const [index, unit] of units.entries())
          if (unit.includes('@')) cpSync(join(folder, unit), paths[index]!);
        const child = execFileSync(
          'bash',
          ['-c', 'systemd-analyze verify --man=no "$@" 2>&1 || true', 'bash', ...paths],
          { encoding: 'utf8' },
        );
        // Units of the machine itself are loaded as well, and may have faults of their own.
        return child
          .split('\n')
          .filter((line) => line.includes('azure-allowlist') || line.includes(basename(folder)));
      };
      expect(verify((text) => text)).toEqual([]);
      expect(verify((text) => text.replace('ProtectHome=', 'ProtectHouse='))).not.toEqual([]);
      expect(verify((text) => text.replace('OnCalendar=Tue ', 'OnCalendar=Someday '))).not.toEqual([]);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
