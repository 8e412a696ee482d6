import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { SCENARIOS, type Scenario } from '../policy/policy.ts';
import { ConfigurationError } from '../problem.ts';
import { readRegularText } from '../regular-file.ts';
import type { Io } from './io.ts';
import { HEAD, SCENARIO_CONFIGURATIONS, SCHEMA_FILE } from './scenarios.ts';

const TEMPLATE = `${HEAD}version: 1

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

/** The JSON Schema as the package has it. */
const SCHEMA = new URL('../../schema/allowlist.schema.json', import.meta.url);

/**
 * Writes a commented configuration, and beside it the JSON Schema that its first line names: a path beside it is the
 * one place that every editor finds, wherever the program is installed. An existing configuration is never overwritten.
 * @param place a folder, or the file itself where the name ends like that of a YAML file
 * @param flags.schema only the schema, again after an update of the program
 */
export async function initCommand(
  place: string,
  flags: { readonly scenario?: Scenario; readonly schema?: boolean },
  io: Io,
  input: Readable & { readonly isTTY?: boolean } = process.stdin,
): Promise<void> {
  const file = /\.ya?ml$/i.test(place) ? place : join(place, 'allowlist.yaml');
  const schemaFile = join(dirname(file), SCHEMA_FILE);
  const schema = await readFile(SCHEMA, 'utf8');
  await refuseOtherFile(schemaFile, JSON.parse(schema).title);
  await mkdir(dirname(file), { recursive: true });
  if (flags.schema === true) {
    await writeFile(schemaFile, schema);
    io.out(`${schemaFile} written`);
    return;
  }
  try {
    const asks = flags.scenario === undefined && input.isTTY === true && !existsSync(file);
    const scenario = asks ? await askScenario(input, io) : flags.scenario;
    const text = scenario === undefined ? TEMPLATE : SCENARIO_CONFIGURATIONS[scenario];
    await writeFile(file, text, { flag: 'wx' });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    throw new ConfigurationError(`${file} exists already; it is left as it is`);
  }
  await writeFile(schemaFile, schema);
  const which = file === 'allowlist.yaml' ? '' : ` -c ${file}`;
  io.out(
    `${file} written, with ${SCHEMA_FILE} for editors; next: edit it, then \`azure-allowlist run --dry-run${which}\``,
  );
}

/** @throws ConfigurationError for a file in the schema's place that is no schema of this program, of any version */
async function refuseOtherFile(file: string, title: unknown): Promise<void> {
  let text: string;
  try {
    text = await readRegularText(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  let ours = false;
  try {
    ours = (JSON.parse(text) as { title?: unknown } | null)?.title === title;
  } catch {
    // No JSON at all, so not ours.
  }
  if (!ours)
    throw new ConfigurationError(
      `${file} is not the JSON Schema of azure-allowlist; it is left as it is. Move it, or choose another folder.`,
    );
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
