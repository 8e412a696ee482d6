/**
 * What a device may still hold of earlier weeks. `set` only adds: each object that a published `azure.set` ever defined
 * and the present one does not is deleted by every update from then on, so that a device that missed weeks, or takes
 * one twice, ends with the objects of the present list and no others.
 */

/** Kinds of objects in the order in which they can be deleted: what refers to others goes first. */
const KINDS = [
  { kind: 'security', pattern: /(?:pre-)?rulebase security rules (\S+)/ },
  { kind: 'decryption', pattern: /(?:pre-)?rulebase decryption rules (\S+)/ },
  { kind: 'address-group', pattern: /address-group (\S+)/ },
  { kind: 'address', pattern: /address (\S+)/ },
  { kind: 'service', pattern: /service (\S+)/ },
  { kind: 'category', pattern: /profiles custom-url-category (\S+)/ },
  { kind: 'external-list', pattern: /external-list (\S+)/ },
] as const;

/** How many of the kinds are rules, which refer to everything else. */
export const RULE_KINDS = 2;

const SCOPE = /(?:shared |device-group \S+ )?/;

/** An object by the words that name it in a command: `address az-192_0_2_0-24`, with its place on Panorama. */
export interface ObjectPath {
  /** Its place in the order of deletion. */
  readonly stage: number;
  readonly name: string;
  readonly path: string;
}

/** The object that a command of a verb begins with; undefined where it names none of these kinds. */
export function objectOf(verb: 'set' | 'delete', line: string): ObjectPath | undefined {
  for (const [stage, { pattern }] of KINDS.entries()) {
    const match = new RegExp(`^${verb} (${SCOPE.source}${pattern.source})(?= |$)`).exec(line);
    if (match !== null) return { stage, name: match[2]!, path: match[1]! };
  }
  return undefined;
}

/** Whether a command deletes a whole object, and not a field of one. */
export function deletesObject(line: string): boolean {
  const object = objectOf('delete', line);
  return object !== undefined && line === `delete ${object.path}`;
}

/**
 * The objects that earlier weeks may have left on a device, in the order of deletion.
 * @param inForce the files that were published last, by path; none on a first run
 * @param current the paths of the objects that the present list defines
 */
export function retiredObjects(
  inForce: ReadonlyMap<string, string>,
  current: ReadonlySet<string>,
): ObjectPath[] {
  const lines = (path: string) => (inForce.get(path) ?? '').split('\n');
  const earlier = [
    ...lines('azure.set').flatMap((line) => objectOf('set', line) ?? []),
    ...lines('azure-update.set')
      .filter(deletesObject)
      .flatMap((line) => objectOf('delete', line) ?? []),
  ];
  const found = new Map(
    earlier.filter(({ path }) => !current.has(path)).map((object) => [object.path, object]),
  );
  return [...found.values()].sort(inOrder);
}

/**
 * Whether earlier weeks may have left a certificate profile on a list.
 * @param list the list by the words that name it and its type in a command
 */
export function hadProfile(inForce: ReadonlyMap<string, string>, list: string): boolean {
  const has = (path: string, start: string) =>
    (inForce.get(path) ?? '').split('\n').some((line) => `${line} `.startsWith(`${start} `));
  return (
    has('azure.set', `set ${list} certificate-profile`) ||
    has('azure-update.set', `delete ${list} certificate-profile`)
  );
}

/** A group is deleted before the groups in it, whose names are longer. */
export function inOrder(one: ObjectPath, other: ObjectPath): number {
  if (one.stage !== other.stage) return one.stage - other.stage;
  if (KINDS[one.stage]!.kind === 'address-group' && one.name.length !== other.name.length)
    return one.name.length - other.name.length;
  return one.path < other.path ? -1 : one.path > other.path ? 1 : 0;
}
