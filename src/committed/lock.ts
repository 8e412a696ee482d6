import { createHash } from 'node:crypto';
import * as z from 'zod';
import { M365_INSTANCES, type M365Endpoints } from '../feed/m365.ts';
import type { FeedSource, Snapshot } from '../feed/snapshot.ts';
import { readCanonicalLists } from '../net/canonical-lists.ts';
import { DualStackSet } from '../net/dual-stack-set.ts';
import { METHODS } from '../net/method.ts';
import { formatPrefix, parsePrefix } from '../net/prefix.ts';
import { clientTexts, readClientTexts } from '../policy/clients.ts';
import type { RecentGain } from '../policy/diff/recent-gains.ts';
import type { AcceptedSizes } from '../policy/guards/drift.ts';
import type { FeedTotals, LockState, PartsOfTags } from '../policy/guards/guard.ts';
import type { Policy } from '../policy/policy.ts';
import { AllowlistError, type Problem } from '../problem.ts';
import type { Budget } from '../targets/budget.ts';
import type { TargetOutput, TargetRequest } from '../targets/build.ts';
import type { FitSettings } from '../targets/fit.ts';
import { type PrefixesOfTag, policyDocumentSchema, writePolicy } from './policy-document.ts';
import type { Signer } from './signature.ts';

/** The lock's place in the output tree. */
export const LOCK_FILE = 'allowlist.lock.json';

const declared = z.strictObject({
  rule: z.string(),
  kind: z.string(),
  reason: z.string(),
  admits: z.array(
    z.strictObject({
      ports: z.string(),
      clients: z.array(z.string()).min(1).optional(),
      /** The one method by which alone; absent where it is by every one. */
      method: z.enum(METHODS).optional(),
      hosts: z.array(z.string()),
      prefixes: z.array(z.string()),
    }),
  ),
});

/** Raised whenever an earlier version of the program could not read the lock, or would read it wrongly. */
const LOCK_VERSION = 1;

const lockSchema = z.strictObject({
  version: z.literal(LOCK_VERSION),
  feed: z.strictObject({
    cloud: z.enum(['public', 'usgov', 'china', 'germany']),
    kind: z.string(),
    name: z.string(),
    url: z.string().optional(),
    fileDate: z.string().optional(),
    changeNumber: z.int(),
    size: z.int(),
    sha256: z.string(),
    contentSha256: z.string(),
    totals: z.strictObject({
      tags: z.int(),
      prefixes: z.int(),
      ipv4Addresses: z.string(),
      ipv6Addresses: z.string(),
    }),
  }),
  /** Present where a rule takes endpoint sets of Microsoft 365. */
  m365: z
    .strictObject({
      instance: z.enum(M365_INSTANCES),
      /** YYYYMMDDNN. */
      version: z.string().optional(),
      /** Of the document's bytes. */
      sha256: z.string(),
    })
    .optional(),
  acceptances: z.array(z.strictObject({ guard: z.string(), message: z.string() })),
  policy: policyDocumentSchema,
  targets: z.record(
    z.string(),
    z.strictObject({
      template: z.string().optional(),
      addresses: z.enum(['fallback', 'always', 'never']).optional(),
      /** Instead of those of the rules. */
      clients: z.array(z.string()).min(1).optional(),
      budget: z.strictObject({ entries: z.int(), never: z.array(z.string()) }).optional(),
      options: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
      entries: z.int(),
      omissions: z.array(declared),
      widenings: z.array(declared),
    }),
  ),
  /** What rules gained in the last weeks and still have; absent where there is nothing to remember. */
  recentGains: z
    .array(z.strictObject({ rule: z.string(), fileDate: z.iso.date(), prefixes: z.array(z.string()) }))
    .optional(),
  /** How many IPv4 addresses the tags in use had in weeks that were accepted; absent where no date is known. */
  acceptedSizes: z
    .array(
      z.strictObject({
        fileDate: z.iso.date(),
        tags: z.record(z.string(), z.string().regex(/^\d+$/)),
        /** `+24 −8`: what a tag gained and lost since the entry before; absent where none did. */
        steps: z.record(z.string(), z.string().regex(/^\+\d+ −\d+$/)).optional(),
      }),
    )
    .optional(),
  /**
   * The parts that tags in use had in the feed, by tag: the regions with their IPv4 addresses (`westeurope=4096`), in one line;
   * absent where none has any.
   */
  parts: z.record(z.string(), z.string()).optional(),
  /** What the constraints took out of the tags in use, as an exact cover; absent where they took nothing. */
  leftOut: z.array(z.string()).optional(),
  /** SHA-256 of every other file that the tool wrote, by path. */
  files: z.record(z.string(), z.string()),
  /** SHA-256 of this document without this key; absent where an earlier version wrote it. */
  digest: z.string().optional(),
  /** Of Ed25519, in base64, over the digest; absent where no key is configured. */
  signature: z.string().optional(),
});

/** What the files beside it were made from. */
export type Lock = z.infer<typeof lockSchema>;

/** Reads a lock's text. @throws AllowlistError listing what is wrong with it */
export function parseLock(text: string, where: string): Lock {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch (error) {
    throw new AllowlistError(
      `${where} is not JSON: ${(error as Error).message}; restore it from the repository`,
      [],
      { cause: error },
    );
  }
  const { version } = (document ?? {}) as { readonly version?: unknown };
  if (typeof version === 'number' && version > LOCK_VERSION)
    throw new AllowlistError(
      `${where} is a lock of version ${version}, which a later azure-allowlist wrote; this one reads version ${LOCK_VERSION}: update the program`,
    );
  const parsed = lockSchema.safeParse(document);
  if (!parsed.success && parsed.error.issues.every(({ code }) => code === 'unrecognized_keys'))
    throw new AllowlistError(
      `${where} has keys that this version does not know: a later azure-allowlist wrote it, or somebody edited it. Update the program, or restore the file from the repository`,
      parsed.error.issues.flatMap((issue): Problem[] =>
        issue.code === 'unrecognized_keys'
          ? issue.keys.map((key) => ({ where: [...issue.path, key].join('.'), what: 'unknown key' }))
          : [],
      ),
    );
  if (!parsed.success)
    throw new AllowlistError(
      `${where} is not a lock that this version can read; restore it from the repository`,
      parsed.error.issues.map((issue): Problem => ({ where: issue.path.join('.'), what: issue.message })),
    );
  return parsed.data;
}

/**
 * The lock's text: keys in the order of the schema, so that equal content is equal bytes, read back or made anew.
 * @param signer signs it anew; without one a signature stays as it is
 */
export function formatLock(lock: Lock, signer?: Signer): string {
  const { digest: _, signature, ...content } = lockSchema.parse(lock);
  const digest = createHash('sha256').update(JSON.stringify(content)).digest('hex');
  const signed = signer === undefined ? signature : signer.sign(digest);
  return `${JSON.stringify({ ...content, digest, ...(signed === undefined ? {} : { signature: signed }) }, null, 2)}\n`;
}

/** The text of a lock that stays: one of an earlier version gets no digest and no signature that no run gave it. */
export function keptLock(lock: Lock, signer?: Signer): string {
  return lock.digest === undefined
    ? `${JSON.stringify(lockSchema.parse(lock), null, 2)}\n`
    : formatLock(lock, signer);
}

/**
 * Whether a lock is as a run wrote it, to the letter: of a key that is listed twice, people read another value than programs.
 * @param text the lock's own; line ends may be those of another system
 * @param hasSigned whether a signature of a digest is by the right key; without it signatures are not looked at
 */
export function stateOfLock(lock: Lock, text: string, hasSigned?: Signer['hasSigned']): LockState {
  const { digest, signature } = lock;
  if (digest !== undefined && text.replaceAll('\r\n', '\n') !== formatLock(lock)) return 'edited';
  if (hasSigned !== undefined && (digest === undefined || signature === undefined)) return 'unsigned';
  if (digest === undefined) return 'unknown';
  return hasSigned === undefined || hasSigned(digest, signature!) ? 'whole' : 'signed by another';
}

/** The parts of a lock that come from the feed. */
export function feedOfLock(snapshot: Snapshot, source: FeedSource, totals: FeedTotals): Lock['feed'] {
  return {
    cloud: snapshot.cloud,
    kind: source.kind,
    name: source.name,
    ...(source.url === undefined ? {} : { url: source.url }),
    ...(snapshot.fileDate === undefined ? {} : { fileDate: snapshot.fileDate }),
    changeNumber: snapshot.changeNumber,
    size: source.size,
    sha256: source.sha256,
    contentSha256: snapshot.contentSha256,
    totals: {
      tags: totals.tags,
      prefixes: totals.prefixes,
      ipv4Addresses: totals.ipv4Addresses.toString(),
      ipv6Addresses: totals.ipv6Addresses.toString(),
    },
  };
}

/** The part of a lock that tells the version of Microsoft 365's endpoint sets. */
export function m365OfLock({ instance, version, sha256 }: M365Endpoints): Exclude<Lock['m365'], undefined> {
  return { instance, ...(version === undefined ? {} : { version }), sha256 };
}

/** The parts of a lock that come from one target. */
export function targetOfLock(
  request: TargetRequest,
  output: TargetOutput,
  template: string | undefined,
): Lock['targets'][string] {
  const declare = ({
    rule,
    kind,
    reason,
    admits,
  }: {
    rule: string;
    kind: string;
    reason: string;
    admits: TargetOutput['plan']['admission'];
  }) => ({
    rule,
    kind,
    reason,
    admits: admits.grants.map(({ hosts, addresses, ports, clients, method }) => ({
      ports: ports.toString(),
      ...(clients === undefined ? {} : { clients: clientTexts(clients) }),
      ...(method === undefined ? {} : { method }),
      hosts: hosts.toStrings(),
      prefixes: addresses.toStrings(),
    })),
  });
  return {
    ...(template === undefined ? {} : { template }),
    ...(request.addressUse === undefined ? {} : { addresses: request.addressUse }),
    ...(request.clients === undefined ? {} : { clients: clientTexts(request.clients) }),
    ...(request.budget === undefined
      ? {}
      : { budget: { entries: request.budget.entries, never: request.budget.never.map(formatPrefix) } }),
    options: { ...request.options },
    entries: output.entries,
    omissions: output.plan.omissions.map(({ omitted, ...rest }) => declare({ ...rest, admits: omitted })),
    widenings: output.plan.widenings.map(({ admitted, ...rest }) => declare({ ...rest, admits: admitted })),
  };
}

/** What a lock says of fitting a target. */
export function readFitSettings({
  addresses,
  clients,
  budget,
}: Pick<Lock['targets'][string], 'addresses' | 'clients' | 'budget'>): FitSettings {
  return {
    addressUse: addresses,
    clients: clients === undefined ? undefined : readClientTexts(clients),
    budget: readBudget(budget),
  };
}

/** The budget of a locked target. */
function readBudget(budget: Lock['targets'][string]['budget']): Budget | undefined {
  return budget === undefined ? undefined : { entries: budget.entries, never: budget.never.map(parsePrefix) };
}

/** The policy's part of a lock. */
export const policyOfLock: (policy: Policy) => Lock['policy'] = writePolicy;

/** The part of a lock that remembers recent gains, as exact covers. */
export function recentGainsOfLock(gains: readonly RecentGain[]): Pick<Lock, 'recentGains'> {
  return gains.length === 0
    ? {}
    : {
        recentGains: gains.map(({ rule, date, gained }) => ({
          rule,
          fileDate: date,
          prefixes: gained.toStrings(),
        })),
      };
}

/** The recent gains of a lock. @throws AllowlistError naming the entry that has no prefix list */
export function readRecentGains({ recentGains = [] }: Lock, where: string): RecentGain[] {
  return recentGains.map(({ rule, fileDate, prefixes }, index) => {
    try {
      return { rule, date: fileDate, gained: DualStackSet.fromPrefixes(prefixes.map(parsePrefix)) };
    } catch (error) {
      throw new AllowlistError(
        `${where}: recentGains[${index}]: ${(error as Error).message}; restore it from the repository`,
        [],
        { cause: error },
      );
    }
  });
}

/** The part of a lock that remembers the sizes of accepted weeks. */
export function acceptedSizesOfLock(accepted: readonly AcceptedSizes[]): Pick<Lock, 'acceptedSizes'> {
  return accepted.length === 0
    ? {}
    : {
        acceptedSizes: accepted.map(({ date, tags, steps = new Map() }) => ({
          fileDate: date,
          tags: Object.fromEntries([...tags].map(([tag, size]) => [tag, `${size}`])),
          ...(steps.size === 0
            ? {}
            : {
                steps: Object.fromEntries(
                  [...steps].map(([tag, { gained, lost }]) => [tag, `+${gained} −${lost}`]),
                ),
              }),
        })),
      };
}

/** The accepted weeks of a lock, oldest first. */
export function readAcceptedSizes({ acceptedSizes = [] }: Lock): AcceptedSizes[] {
  return acceptedSizes.map(({ fileDate, tags, steps }) => ({
    date: fileDate,
    tags: new Map(Object.entries(tags).map(([tag, size]) => [tag, BigInt(size)])),
    steps: new Map(
      Object.entries(steps ?? {}).map(([tag, text]) => {
        const [gained, lost] = text.slice(1).split(' −') as [string, string];
        return [tag, { gained: BigInt(gained), lost: BigInt(lost) }];
      }),
    ),
  }));
}

/** The part of a lock that names the parts of the tags in use. */
export function partsOfLock(parts: PartsOfTags): Pick<Lock, 'parts'> {
  return parts.size === 0
    ? {}
    : {
        parts: Object.fromEntries(
          [...parts].map(([tag, sizes]) => [
            tag,
            [...sizes].map(([part, size]) => (size === undefined ? part : `${part}=${size}`)).join(' '),
          ]),
        ),
      };
}

/** The parts of the tags in use that a lock names; one that an earlier version wrote tells no sizes. */
export function readParts({ parts = {} }: Pick<Lock, 'parts'>): PartsOfTags {
  return new Map(
    Object.entries(parts).map(([tag, texts]) => [
      tag,
      new Map(
        texts.split(' ').map((text) => {
          const [, part = text, size] = /^(.*)=(\d+)$/.exec(text) ?? [];
          return [part, size === undefined ? undefined : BigInt(size)] as const;
        }),
      ),
    ]),
  );
}

/** The part of a lock that names what the constraints took out of the tags in use. */
export function leftOutOfLock(leftOut: DualStackSet): Pick<Lock, 'leftOut'> {
  return leftOut.isEmpty ? {} : { leftOut: leftOut.toStrings() };
}

/** What the constraints took out, as a lock names it. @throws AllowlistError naming the key that has no prefix list */
export function readLeftOut({ leftOut = [] }: Pick<Lock, 'leftOut'>, where: string): DualStackSet {
  try {
    return DualStackSet.fromPrefixes(leftOut.map(parsePrefix));
  } catch (error) {
    throw new AllowlistError(
      `${where}: leftOut: ${(error as Error).message}; restore it from the repository`,
      [],
      { cause: error },
    );
  }
}

/** The snapshot files: the selected tags, a prefix a line, numeric order. */
export function snapshotFiles(policy: Policy): Map<string, string> {
  const files = new Map<string, string>();
  for (const { tags } of policy.rules)
    for (const { tag, prefixes } of tags)
      files.set(snapshotPath(tag), prefixes.map((prefix) => `${formatPrefix(prefix)}\n`).join(''));
  return files;
}

export function snapshotPath(tag: string): string {
  return `snapshot/${tag}.txt`;
}

/** Reads a snapshot file back. @throws AllowlistError naming the line */
export function parseSnapshotFile(text: string, where: string): PrefixesOfTag {
  const lines = text.replace(/\n$/, '').split('\n');
  const texts = lines.length === 1 && lines[0] === '' ? [] : lines;
  const list = readCanonicalLists([texts])?.[0];
  if (list !== undefined) return { prefixes: () => list.prefixes(), addresses: list.addresses() };
  const prefixes = texts.map((line, index) => {
    try {
      return parsePrefix(line);
    } catch (error) {
      throw new AllowlistError(`${where}:${index + 1}: ${(error as Error).message}`, [], { cause: error });
    }
  });
  return { prefixes: () => prefixes, addresses: DualStackSet.fromPrefixes(prefixes) };
}
