import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { ConfigurationError } from '../problem.ts';
import type { Io } from './io.ts';
import { SCENARIO_CONFIGURATIONS, SCENARIOS, type Scenario } from './scenarios.ts';

const TEMPLATE = `# azure-allowlist: what Azure may be reached, and on which devices. Every key is explained in the
# JSON Schema schema/allowlist.schema.json of the package.
version: 1

feed:
  cloud: public                 # public | usgov | china

rules:
  # The Microsoft Entra private network connector (Application Proxy): host names from the bundled
  # table, and service tags for devices that cannot match names.
  - name: connector             # part of object names: a letter, then letters, digits, hyphens; 20 at most
    reason: Entra private network connector
    endpoints: [private-network-connector]
    serviceTags: [AzureCloud, AzureActiveDirectory]
    # fallback: use the addresses only on targets that cannot match names (default); always; never
    addresses: fallback

  # A rule with service tags alone is by address everywhere and needs ports.
  # - name: storage-weu
  #   serviceTags: [Storage.WestEurope]
  #   ports: [443]

targets:
  pac: { allowed: DIRECT, otherwise: "PROXY proxy.example.com:8080" }
  squid: {}
  paloalto: {}
  iptables: {}

output: allowlists

# publish: { git: true }        # commit the output tree when it changed
# schedule: { cron: "0 6 * * 2", timeZone: Europe/Berlin }
`;

/** Writes a commented configuration; an existing one is never overwritten. */
export async function initCommand(
  directory: string,
  flags: { readonly scenario?: Scenario },
  io: Io,
  input: Readable & { readonly isTTY?: boolean } = process.stdin,
): Promise<void> {
  const file = join(directory, 'allowlist.yaml');
  await mkdir(directory, { recursive: true });
  try {
    const asks = flags.scenario === undefined && input.isTTY === true && !existsSync(file);
    const scenario = asks ? await askScenario(input, io) : flags.scenario;
    const text = scenario === undefined ? TEMPLATE : SCENARIO_CONFIGURATIONS[scenario];
    await writeFile(file, text, { flag: 'wx' });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    throw new ConfigurationError(`${file} exists already; it is left as it is`);
  }
  io.out(`${file} written; next: edit it, then \`azure-allowlist run --dry-run\``);
}

/** Asks on a terminal until the answer is one; nothing, or the end of the input, means no scenario. */
async function askScenario(input: Readable, io: Io): Promise<Scenario | undefined> {
  const question = `A connector behind a proxy? ${SCENARIOS.join(' or ')}, or nothing for a general configuration:`;
  const lines = createInterface({ input });
  try {
    io.err(question);
    for await (const line of lines) {
      const answer = line.trim();
      if (answer === '') return undefined;
      const scenario = SCENARIOS.find((one) => one === answer);
      if (scenario !== undefined) return scenario;
      io.err(`${JSON.stringify(answer)} is none of them. ${question}`);
    }
    return undefined;
  } finally {
    lines.close();
  }
}
