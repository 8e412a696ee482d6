import { DualStackSet } from '../../net/dual-stack-set.ts';
import { HostSet } from '../../net/host-set.ts';
import { PortSet } from '../../net/ports.ts';
import { formatPrefix, type Prefix } from '../../net/prefix.ts';
import type { Admission } from '../../policy/admission.ts';
import type { TargetPlan } from '../plan.ts';
import { EntryGroup, ReadBackError, readAt } from '../read-back.ts';
import type { RuleFile } from '../render.ts';
import type { Vendor } from '../vendor.ts';
import type { OptionValues, View } from '../view.ts';

const ABOUT = 'about.txt';
/** Holds again what two other lists hold, for devices that take one list; written on request. */
const COMBINED = 'all.txt';
const LISTS = [COMBINED, 'domains.txt', 'ipv4.txt', 'ipv6.txt', 'urls.txt'] as const;

type ListName = (typeof LISTS)[number];

/** All rules in one set of lists: the cover of their union, which is smaller than the covers one by one. */
function extendView(view: View, { rules }: TargetPlan): View & Readonly<Record<string, unknown>> {
  const addresses = DualStackSet.union(rules.flatMap((rule) => rule.addresses?.set ?? []));
  const hosts = rules
    .flatMap(({ names }) => names)
    .reduce((all, grant) => all.union(grant.hosts), HostSet.empty);
  const ipv4 = formatAll(addresses.ipv4.cover());
  const ipv6 = formatAll(addresses.ipv6.cover());
  const domains = hosts
    .patterns()
    .include.flatMap(({ name, apex, subdomains }) => [
      ...(apex ? [name] : []),
      ...(subdomains ? [`*.${name}`] : []),
    ]);
  const entries: Readonly<Record<ListName, readonly string[]>> = {
    [COMBINED]: [...ipv4, ...ipv6],
    'domains.txt': domains,
    'ipv4.txt': ipv4,
    'ipv6.txt': ipv6,
    // Without the slash, PAN-OS would take the entry for the beginning of any longer name.
    'urls.txt': domains.map((domain) => `${domain}/`),
  };
  return {
    ...view,
    lists: LISTS.filter((path) => path !== COMBINED || view.options.combined === true).map((path) => ({
      path,
      entries: entries[path],
    })),
  };
}

function formatAll(prefixes: readonly Prefix[]): string[] {
  return prefixes.map(formatPrefix);
}

/** Reads the lists back; those that say the same in two forms must agree. */
function readBack(files: readonly RuleFile[]): Admission {
  const texts = new Map(files.map(({ path, text }) => [path, text]));
  for (const path of texts.keys())
    if (path !== ABOUT && !LISTS.some((list) => list === path))
      throw new ReadBackError(`${path}: not a file of target edl`);
  const lines = (path: ListName) => {
    const text = texts.get(path);
    if (text === undefined) throw new ReadBackError(`${path} is missing: a device would keep its last one`);
    return text === '' ? [] : text.replace(/\n$/, '').split('\n');
  };
  for (const line of texts.get(ABOUT)?.replace(/\n$/, '').split('\n') ?? [])
    if (!line.startsWith('# ')) throw new ReadBackError(`${ABOUT}: not a comment: ${JSON.stringify(line)}`);
  const ipv4 = lines('ipv4.txt');
  const ipv6 = lines('ipv6.txt');
  const domains = lines('domains.txt');
  if (texts.has(COMBINED)) requireEqual(COMBINED, lines(COMBINED), [...ipv4, ...ipv6]);
  requireEqual(
    'urls.txt',
    lines('urls.txt'),
    domains.map((domain) => `${domain}/`),
  );

  const entries = new EntryGroup();
  for (const [path, list] of [['ipv4.txt', ipv4] as const, ['ipv6.txt', ipv6] as const])
    for (const [index, line] of list.entries()) {
      if (line.includes(':') !== (path === 'ipv6.txt'))
        throw new ReadBackError(`${path}:${index + 1}: of the other family`);
      readAt(`${path}:${index + 1}`, () => entries.addPrefix(line));
    }
  for (const [index, line] of domains.entries())
    readAt(`domains.txt:${index + 1}`, () =>
      line.startsWith('*.')
        ? entries.addHost(line.slice(2), false, true)
        : entries.addHost(line, true, false),
    );
  entries.requireDisjoint('the lists');
  return entries.on(PortSet.all);
}

function requireEqual(path: string, found: readonly string[], expected: readonly string[]): void {
  const at = expected.findIndex((line, index) => found[index] !== line);
  if (at >= 0 || found.length !== expected.length)
    throw new ReadBackError(
      `${path}:${(at < 0 ? expected.length : at) + 1}: does not say what the other lists say`,
    );
}

/** Plain lists: the union of all rules, in the spellings of several devices. */
const readSettings = (files: readonly RuleFile[]): OptionValues => ({
  combined: files.some(({ path }) => path === COMBINED),
});

export const vendor = { extendView, readBack, readSettings } as const satisfies Vendor;
