import {
  DELETION_ORDER,
  LEAST_POLICY_ID,
  type NamedObject,
  objectsNamed,
  type Table,
} from './fortigate-text.ts';

/**
 * What a device may still hold of earlier weeks. `edit` only ever adds objects: each that a published file ever defined
 * and the present one does not is deleted by every file from then on, so that a device that missed weeks, or takes one
 * twice, ends with the objects of the present file and no others.
 */

/** A table, and what is to be deleted from it. */
export interface RetiredObjects {
  readonly table: Table;
  readonly names: readonly string[];
}

/**
 * The objects that earlier weeks may have left on a device, by table, in the order of deletion.
 * @param inForce the text that was published last; empty on a first run
 * @param current whether the present file defines an object
 */
export function retiredObjects(
  inForce: string,
  current: (table: Table, name: string) => boolean,
): RetiredObjects[] {
  const named = objectsNamed(inForce).filter(
    ({ table, name }) => isOurs(table, name) && !current(table, name),
  );
  return DELETION_ORDER.map((table) => ({
    table,
    names: [...new Set(named.filter((object) => object.table === table).map(({ name }) => name))].sort(
      inOrder(table),
    ),
  })).filter(({ names }) => names.length > 0);
}

/** The names of the objects that the published text defines in a table. */
export function definedIn(inForce: string, ...tables: readonly Table[]): NamedObject[] {
  return objectsNamed(inForce).filter(({ table, deleted }) => !deleted && tables.includes(table));
}

/** Whether these files may have made an object: the published text may be a hand's. */
export function isOurs(table: Table, name: string): boolean {
  return table === 'firewall policy'
    ? /^\d{7,10}$/.test(name) && Number(name) >= LEAST_POLICY_ID
    : /^[a-z][a-z0-9]?-[a-z0-9_-]+$/.test(name);
}

/** A group is deleted before the groups in it, whose names are longer. */
export function inOrder(table: Table): (one: string, other: string) => number {
  return (one, other) => {
    if (table.startsWith('firewall addrgrp') && one.length !== other.length) return one.length - other.length;
    return one < other ? -1 : one > other ? 1 : 0;
  };
}
