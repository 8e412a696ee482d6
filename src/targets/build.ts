import { AddressSet } from '../net/address-set.ts';
import { DualStackSet } from '../net/dual-stack-set.ts';
import { PortSet } from '../net/ports.ts';
import { counted, digits } from '../numbers.ts';
import { Admission } from '../policy/admission.ts';
import type { AddressUse, Policy } from '../policy/policy.ts';
import { GuardRefusal, type Problem } from '../problem.ts';
import type { Budget } from './budget.ts';
import type { Target } from './catalog.ts';
import { withContentDigest } from './content-digest.ts';
import { fitPolicy, openToNames } from './fit.ts';
import { type Capabilities, capabilitiesOf, type Manifest } from './manifest.ts';
import { addressEntries, type TargetPlan } from './plan.ts';
import { type GrammarReading, readBackByGrammar } from './read-back.ts';
import type { RuleFile } from './render.ts';
import { renderRetiring } from './retired.ts';
import { addressListId, buildView, type OptionValues } from './view.ts';

/** A target as a configuration asks for it. */
export interface TargetRequest {
  /** The key under `targets`, and the folder in the output tree. */
  readonly id: string;
  readonly target: Target;
  readonly addressUse?: AddressUse | undefined;
  /** Where connections come from at this device; undefined: from the clients of each rule. */
  readonly clients?: DualStackSet | undefined;
  readonly budget?: Budget | undefined;
  readonly options: OptionValues;
  /** The files that were published last, by path below the target's folder; for a target of an additive format, or one that remembers. */
  readonly inForce?: ReadonlyMap<string, string> | undefined;
  /** The date of the weekly file, YYYY-MM-DD. */
  readonly week?: string | undefined;
}

/** What a target made of a policy, proven by reading it back. */
export interface TargetOutput {
  readonly id: string;
  readonly plan: TargetPlan;
  /** Paths are relative to the target's folder; sorted. */
  readonly files: readonly RuleFile[];
  /** Address entries in all files together, against the limit of the manifest. */
  readonly entries: number;
}

/**
 * Fits, renders and reads back one target.
 * @throws GuardRefusal `target-limit` if a limit of the manifest is exceeded
 * @throws GuardRefusal `read-back` if the text does not say exactly what the plan says
 */
export function buildTarget(policy: Policy, request: TargetRequest): TargetOutput {
  const { manifest, templates, vendor, where } = request.target;
  const plan = fitPolicy(policy, capabilitiesOf(manifest, request.options), request);
  const view = buildView(plan, manifest, request.options);
  const extended =
    vendor.extendView?.(view, plan, policy, request.inForce ?? new Map(), request.week) ?? view;
  const files = renderRetiring(manifest, templates, extended, where, request.inForce ?? new Map())
    .map(withContentDigest)
    .sort((a, b) => (a.path < b.path ? -1 : 1));
  const entries = addressEntries(plan);
  refuseOverLimit(request, files, entries);
  const problems = [
    ...proveReadBack(request.target, plan, files),
    ...proveSettings(request.target, request.options, files),
  ];
  if (problems.length > 0)
    throw new GuardRefusal(
      `read-back: the files of target ${request.id} do not say what the policy says`,
      problems,
    );
  return { id: request.id, plan, files, entries };
}

/**
 * Reads rule files back and compares them with what they must admit; nothing returned, nothing wrong.
 * @throws ReadBackError if the text is not in the target's form
 */
export function proveReadBack(target: Target, plan: TargetPlan, files: readonly RuleFile[]): Problem[] {
  const { admission, groups } = readFiles(target, files);
  const problems = [
    ...compare('', plan.admission, admission),
    ...compareLists(plan, groups, target.manifest.capabilities),
  ];
  return problems.map((what) => ({ where: target.manifest.id, what }));
}

/**
 * Reads options of a target back out of its files and compares them with those asked for; nothing returned, nothing
 * wrong.
 * @throws ReadBackError if the text is not in the target's form
 */
export function proveSettings(target: Target, options: OptionValues, files: readonly RuleFile[]): Problem[] {
  const found = settingsIn(target, files);
  return Object.keys(found)
    .filter((name) => options[name] !== found[name])
    .map((name) => ({
      where: target.manifest.id,
      what: `${name} is ${JSON.stringify(found[name])} in the files, ${JSON.stringify(options[name])} was asked for`,
    }));
}

/** The options that rule files say. @throws ReadBackError if the text is not in the target's form */
export function settingsIn(target: Target, files: readonly RuleFile[]): OptionValues {
  return target.vendor.readBack === undefined
    ? readFiles(target, files).settings
    : (target.vendor.readSettings?.(files, target.templates) ?? {});
}

/** What was read by a grammar is asked for its addresses and for its options. */
const readings = new WeakMap<readonly RuleFile[], GrammarReading & { readonly by: Manifest }>();

/**
 * What rule files of a target let through, read back from their text alone.
 * @throws ReadBackError if the text is not in the target's form
 */
export function readFiles(target: Target, files: readonly RuleFile[]): GrammarReading {
  const found = target.vendor.readBack?.(files, target.templates);
  const { manifest } = target;
  if (found !== undefined)
    return {
      admission: asNamesMatch(found, manifest),
      groups: target.vendor.readLists?.(files) ?? new Map(),
      settings: {},
    };
  const known = readings.get(files);
  if (known?.by === manifest) return known;
  const read = readBackByGrammar(manifest, files);
  const reading = { ...read, admission: asNamesMatch(read.admission, manifest), by: manifest };
  readings.set(files, reading);
  return reading;
}

/** In files that name no ports, a name lets through on the ports only on which it can match. */
function asNamesMatch(admission: Admission, { capabilities }: Manifest): Admission {
  if (capabilities.ports || capabilities.namePorts === undefined) return admission;
  return Admission.union(
    admission.grants.flatMap(({ hosts, addresses, ports, clients }) => [
      Admission.hosts(hosts, openToNames(ports, capabilities)).from(clients),
      Admission.addresses(addresses, ports).from(clients),
    ]),
  );
}

/**
 * What the list of each rule holds, read back from the text of the files: lists that are named for their rules and bind
 * no ports are used one by one, and an address of one is not let through where another is used. Undefined for a format
 * whose rules work together.
 * @throws ReadBackError if the text is not in the target's form
 */
export function listsByRule(
  target: Target,
  { rules }: TargetPlan,
  files: readonly RuleFile[],
): ReadonlyMap<string, Admission> | undefined {
  const { ports, protocols } = target.manifest.capabilities;
  if (ports) return undefined;
  const { groups } = readFiles(target, files);
  const all = PortSet.allOf(protocols);
  const found = rules.map(({ name }) => ({
    name,
    lists: ([4, 6] as const).flatMap((family) => groups.get(addressListId(name, family)) ?? []),
  }));
  if (found.every(({ lists }) => lists.length === 0)) return undefined;
  return new Map(found.map(({ name, lists }) => [name, Admission.addresses(DualStackSet.union(lists), all)]));
}

/**
 * Lists that are named for their rules are used one by one, and each must hold just what is its own: in the
 * union of all, one rule's list makes up for an address that another's has lost.
 */
function compareLists(
  { rules }: TargetPlan,
  groups: ReadonlyMap<string, DualStackSet>,
  { protocols }: Capabilities,
): string[] {
  const all = PortSet.allOf(protocols);
  const expected = rules.flatMap(({ name, addresses }): [string, DualStackSet][] =>
    addresses === undefined
      ? []
      : [
          [addressListId(name, 4), new DualStackSet(addresses.set.ipv4, AddressSet.empty(6))],
          [addressListId(name, 6), new DualStackSet(AddressSet.empty(4), addresses.set.ipv6)],
        ],
  );
  if (!expected.some(([id]) => groups.has(id))) return [];
  return expected.flatMap(([id, addresses]) =>
    compare(
      ` in ${id}`,
      Admission.addresses(addresses, all),
      Admission.addresses(groups.get(id) ?? DualStackSet.empty, all),
    ),
  );
}

function compare(place: string, expected: Admission, found: Admission): string[] {
  const missing = expected.difference(found).describe();
  const surplus = found.difference(expected).describe();
  return [
    ...missing.map((what) => `missing${place}: ${what}`),
    ...surplus.map((what) => `not in the policy${place}: ${what}`),
  ];
}

/** A limit of the manifest, or the lower one that an option of its name says of the device. */
function limitOf(name: keyof Manifest['limits'], { target, options }: TargetRequest): number | undefined {
  const limit = target.manifest.limits[name];
  if (target.manifest.options[name]?.capacity !== true) return limit;
  return Math.min(limit ?? Number.POSITIVE_INFINITY, Number(options[name]));
}

function refuseOverLimit(request: TargetRequest, files: readonly RuleFile[], entries: number): void {
  const { id, target } = request;
  const limits = {
    entries: limitOf('entries', request),
    fileBytes: limitOf('fileBytes', request),
    lineLength: limitOf('lineLength', request),
  };
  const prose = new Set(target.manifest.files.flatMap((file) => (file.prose ? [file.path] : [])));
  const problems: Problem[] = [];
  if (limits.entries !== undefined && entries > limits.entries)
    problems.push({
      where: `targets.${id}`,
      what: `${entries} address entries, ${limits.entries} at most`,
      next: `select fewer or narrower service tags, or allow the fewest extra addresses with \`targets.${id}.budget: ${limits.entries}\``,
    });
  for (const { path, text } of files) {
    if (prose.has(path)) continue;
    const bytes = Buffer.byteLength(text);
    if (limits.fileBytes !== undefined && bytes > limits.fileBytes)
      problems.push({
        where: `${id}/${path}`,
        what: `${counted(bytes, 'byte')}, ${digits(limits.fileBytes)} at most`,
      });
    if (limits.lineLength !== undefined)
      for (const [index, line] of text.split('\n').entries())
        if (line.length > limits.lineLength)
          problems.push({
            where: `${id}/${path}:${index + 1}`,
            what: `a line of ${counted(line.length, 'character')}, ${digits(limits.lineLength)} at most`,
          });
  }
  if (problems.length > 0)
    throw new GuardRefusal(`target-limit: target ${id} is over a limit of its vendor`, problems);
}
