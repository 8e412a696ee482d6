import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CronJob } from 'kubernetes-models/batch/v1/CronJob';
import { NetworkPolicy } from 'kubernetes-models/networking.k8s.io/v1/NetworkPolicy';
import { ConfigMap } from 'kubernetes-models/v1/ConfigMap';
import { PersistentVolumeClaim } from 'kubernetes-models/v1/PersistentVolumeClaim';
import { describe, expect, it } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { lacks } from './support/programs.ts';

const root = fileURLToPath(new URL('../', import.meta.url));
const text = (path: string) => readFileSync(join(root, 'deploy', path), 'utf8');

interface Container {
  readonly args?: readonly string[];
  readonly env: readonly { readonly valueFrom?: { readonly configMapKeyRef?: { readonly key: string } } }[];
  readonly securityContext: unknown;
  readonly volumeMounts: readonly { readonly name: string }[];
}

interface Pod {
  readonly metadata: { readonly labels: unknown };
  readonly spec: {
    readonly initContainers: readonly Container[];
    readonly containers: readonly Container[];
    readonly volumes: readonly { readonly name: string }[];
    readonly securityContext: { readonly runAsNonRoot: boolean };
  };
}

/** The objects of the recipe, in its order. */
function objects() {
  const found = parseAllDocuments(text('kubernetes/cronjob.yaml'), { merge: true }).map((document) => {
    expect(document.errors).toEqual([]);
    return document.toJS() as { kind: string };
  });
  const [settings, cache, job, network] = found as unknown as [
    { data: Record<string, string> },
    object,
    { spec: { jobTemplate: { spec: { template: Pod } } } },
    { spec: { podSelector: { matchLabels: unknown } } },
  ];
  return { kinds: found.map(({ kind }) => kind), settings, cache, job, network };
}

describe('the recipes under deploy/', () => {
  it('are listed in their README, each folder and the image', () => {
    const readme = text('README.md');
    for (const entry of readdirSync(join(root, 'deploy'))) {
      if (statSync(join(root, 'deploy', entry)).isDirectory()) expect(readme).toContain(`| \`${entry}/\` |`);
    }
    expect(readme).toContain('| `Dockerfile` |');
  });

  it('have objects that the Kubernetes API takes', () => {
    const { kinds, settings, cache, job, network } = objects();
    expect(kinds).toEqual(['ConfigMap', 'PersistentVolumeClaim', 'CronJob', 'NetworkPolicy']);
    new ConfigMap(settings).validate();
    new PersistentVolumeClaim(cache).validate();
    new CronJob(job as ConstructorParameters<typeof CronJob>[0]).validate();
    new NetworkPolicy(network as ConstructorParameters<typeof NetworkPolicy>[0]).validate();
    const wrong = JSON.parse(JSON.stringify(job).replace('"args":["run"', '"args":[1')) as typeof job;
    expect(() => new CronJob(wrong as ConstructorParameters<typeof CronJob>[0]).validate()).toThrow(/args/);
  });

  it('run a pod that is confined, and refer to what is there', () => {
    const { settings, job, network } = objects();
    const pod = job.spec.jobTemplate.spec.template;
    const { initContainers, containers, volumes, securityContext } = pod.spec;
    expect(securityContext.runAsNonRoot).toBe(true);
    for (const { securityContext: confined, volumeMounts, env } of [...initContainers, ...containers]) {
      expect(confined).toEqual({
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'] },
      });
      for (const { name } of volumeMounts) expect(volumes.map((volume) => volume.name)).toContain(name);
      for (const { valueFrom } of env)
        if (valueFrom?.configMapKeyRef !== undefined)
          expect(Object.keys(settings.data)).toContain(valueFrom.configMapKeyRef.key);
    }
    expect(network.spec.podSelector.matchLabels).toEqual(pod.metadata.labels);
  });

  it('have an indexed Job for many sites, of which each pod takes another shard', () => {
    const job = parse(text('kubernetes/sites.yaml'), { merge: true }) as {
      spec: { jobTemplate: { spec: { completions: number; template: Pod } } };
    };
    new CronJob(job as unknown as ConstructorParameters<typeof CronJob>[0]).validate();
    const { completions, template } = job.spec.jobTemplate.spec;
    const { initContainers, containers, volumes } = template.spec;
    for (const { securityContext, volumeMounts } of [...initContainers, ...containers]) {
      expect(securityContext).toMatchObject({
        readOnlyRootFilesystem: true,
        allowPrivilegeEscalation: false,
      });
      for (const { name } of volumeMounts) expect(volumes.map((volume) => volume.name)).toContain(name);
    }
    const [script] = containers[0]!.args!;
    const shards = Array.from({ length: completions }, (_, index) =>
      execFileSync('sh', ['-c', script!.replace('exec azure-allowlist', 'echo')], {
        encoding: 'utf8',
        env: { PATH: process.env.PATH, JOB_COMPLETION_INDEX: String(index) },
      }),
    );
    expect(shards[0]).toContain('--shard 1/20 ');
    expect(new Set(shards.map((shard) => /--shard (\S+)/.exec(shard)?.[1])).size).toBe(completions);
    expect(shards.at(-1)).toContain(`--shard ${completions}/${completions} `);
  });

  it.skipIf(lacks('git'))('give git the token of the pod', () => {
    const folder = mkdtempSync(join(tmpdir(), 'deploy-'));
    try {
      const config = join(folder, 'gitconfig');
      writeFileSync(config, objects().settings.data.gitconfig!);
      const said = execFileSync('git', ['credential', 'fill'], {
        cwd: folder,
        input: 'protocol=https\nhost=git.example.com\n\n',
        encoding: 'utf8',
        env: {
          PATH: process.env.PATH,
          HOME: folder,
          GIT_CONFIG_GLOBAL: config,
          GIT_CONFIG_NOSYSTEM: '1',
          GIT_TERMINAL_PROMPT: '0',
          FORGE_TOKEN: 'tok-123',
        },
      });
      expect(said).toBe('protocol=https\nhost=git.example.com\nusername=azure-allowlist\npassword=tok-123\n');
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  it('build an image from files that are there, and that no rule hides from the build', () => {
    const lines = text('Dockerfile').split('\n');
    const [begin, ...shown] = text('Dockerfile.dockerignore').trim().split('\n');
    expect(begin).toBe('*');
    const visible = shown.map((line) => line.replace(/^!/, ''));
    for (const pattern of visible)
      if (!pattern.includes('*')) expect(existsSync(join(root, pattern)), pattern).toBe(true);
    const own = lines.filter((line) => line.startsWith('COPY ') && !line.includes('--from='));
    expect(own).toEqual(['COPY package.json package-lock.json ./', 'COPY . .']);
    const built = lines.flatMap(
      (line) => /^COPY --from=build \/source\/(\S+) \/opt\//.exec(line)?.slice(1) ?? [],
    );
    const { files } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { files: string[] };
    // What the package has, but for the documents, and what it needs.
    const needed = [...files.filter((name) => name !== 'docs'), 'node_modules', 'package.json'];
    expect(built.toSorted()).toEqual(needed.toSorted());
    for (const name of built)
      if (!['node_modules', 'dist/program'].includes(name)) expect(visible).toContain(name);
    expect(lines).toContain('USER node');
  });

  it('name no command and no flag that the program does not have', () => {
    const main = readFileSync(join(root, 'src/cli/program.ts'), 'utf8');
    const [container] = objects().job.spec.jobTemplate.spec.template.spec.containers;
    const recipes = [
      ...['github/action.yml', 'gitlab/azure-allowlist.yml', 'azure-pipelines/azure-pipelines.yml'].map(text),
      ...readdirSync(join(root, 'deploy/systemd')).map((name) => text(`systemd/${name}`)),
      `azure-allowlist ${container!.args!.join(' ')}`,
      text('kubernetes/sites.yaml'),
    ].join('\n');
    const calls = [...recipes.matchAll(/azure-allowlist (run|load) (\S[^\n]*)/g)];
    expect(calls.length).toBeGreaterThanOrEqual(6);
    for (const [, command, rest] of calls) {
      expect(main).toContain(`.command('${command}`);
      for (const [flag] of rest!.matchAll(/--[a-z-]+/g)) expect(main).toMatch(new RegExp(`${flag} <`));
    }
  });
});
