import { ReadBackError } from '../read-back.ts';

/**
 * The tables of a FortiGate that the files fill, in the order in which an object can refer to those before it; what is
 * deleted from them is deleted in the reverse sense: what refers to others goes first.
 */
export const TABLES = [
  'firewall address',
  'firewall address6',
  'firewall addrgrp',
  'firewall addrgrp6',
  'firewall service custom',
  'firewall policy',
] as const;

export type Table = (typeof TABLES)[number];

/** The tables in the order in which their objects can be deleted. */
export const DELETION_ORDER: readonly Table[] = [
  'firewall policy',
  'firewall addrgrp',
  'firewall addrgrp6',
  'firewall address',
  'firewall address6',
  'firewall service custom',
];

/** The ids of policies from here on are left to these files; those below, a device gives to policies of its own. */
export const LEAST_POLICY_ID = 1_000_000;

/** How many ids there are for the policies of these files, from the first one on. */
export const POLICY_IDS = 100_000_000;

/** One line of an object that is being edited. */
export interface Setting {
  readonly verb: 'set' | 'append';
  readonly attribute: string;
  /** As they stand, quotation marks among them. */
  readonly values: readonly string[];
  readonly where: string;
}

/** One command inside a table. */
export type Command =
  | {
      readonly verb: 'edit';
      readonly name: string;
      readonly settings: readonly Setting[];
      readonly where: string;
    }
  | { readonly verb: 'delete'; readonly name: string; readonly where: string }
  | { readonly verb: 'move'; readonly name: string; readonly before: string; readonly where: string };

/** `config TABLE` to `end`. */
export interface Section {
  readonly table: Table;
  readonly commands: readonly Command[];
  readonly where: string;
}

const CONFIG = /^config (\S.*)$/;
const EDIT = /^ {4}edit ("[^"\\]+"|\d+)$/;
const DELETE = /^ {4}delete ("[^"\\]+"|\d+)$/;
const MOVE = /^ {4}move (\d+) before (\d+)$/;
const SETTING = /^ {8}(set|append) ([a-z0-9-]+)((?: (?:"[^"\\]+"|[^\s"'\\]+))+)$/;

/**
 * Cuts the text into its tables and commands.
 * @throws ReadBackError for a line that is not in its place
 */
export function sectionsOf(path: string, text: string): Section[] {
  if (text === '') return [];
  if (!text.endsWith('\n')) throw new ReadBackError(`${path}: the last line is not ended`);
  const lines = text.slice(0, -1).split('\n');
  const sections: Section[] = [];
  let index = 0;
  const where = () => `${path}:${index + 1}`;
  const fail = (what: string): never => {
    throw new ReadBackError(`${where()}: ${what}: ${JSON.stringify(lines[index] ?? 'the end of the file')}`);
  };
  const settings = (): Setting[] => {
    const found: Setting[] = [];
    for (; lines[index] !== '    next'; index++) {
      const match = SETTING.exec(lines[index] ?? '') ?? fail('not a line of an object');
      const values = match[3]!.match(/"[^"]+"|[^\s"]+/g)!;
      found.push({ verb: match[1] as 'set' | 'append', attribute: match[2]!, values, where: where() });
    }
    return found;
  };
  const command = (): Command => {
    const line = lines[index] ?? '';
    const at = where();
    const edit = EDIT.exec(line);
    if (edit !== null) {
      index++;
      return { verb: 'edit', name: unquoted(edit[1]!), settings: settings(), where: at };
    }
    const gone = DELETE.exec(line);
    if (gone !== null) return { verb: 'delete', name: unquoted(gone[1]!), where: at };
    const move = MOVE.exec(line) ?? fail('not a command of this format');
    return { verb: 'move', name: move[1]!, before: move[2]!, where: at };
  };
  for (; index < lines.length; index++) {
    const named = CONFIG.exec(lines[index]!)?.[1];
    const table = TABLES.find((one) => one === named) ?? fail('not a table of these files');
    const at = where();
    const commands: Command[] = [];
    for (index++; lines[index] !== 'end'; index++) commands.push(command());
    if (commands.length === 0) fail('an empty table');
    sections.push({ table, commands, where: at });
  }
  return sections;
}

/** A value without its quotation marks. */
export function unquoted(value: string): string {
  return value.startsWith('"') ? value.slice(1, -1) : value;
}

/** An object by its table and name; of a policy, the id. */
export interface NamedObject {
  readonly table: Table;
  readonly name: string;
  /** Whether it is deleted, not defined. */
  readonly deleted: boolean;
}

/** The objects that a file defines or deletes, whatever else stands in it: a hand may have been there. */
export function objectsNamed(text: string): NamedObject[] {
  const found: NamedObject[] = [];
  let table: Table | undefined;
  for (const line of text.split('\n')) {
    const config = CONFIG.exec(line);
    if (config !== null) table = TABLES.find((one) => one === config[1]);
    const deleted = DELETE.exec(line);
    const name = (deleted ?? EDIT.exec(line))?.[1];
    if (table !== undefined && name !== undefined)
      found.push({ table, name: unquoted(name), deleted: deleted !== null });
  }
  return found;
}
