import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import { errorCode } from './errno.ts';

/** A process, told from a later one with the same id. */
export interface ProcessMark {
  readonly pid: number;
  /** When it started, in the kernel's own units; empty where the kernel does not tell. */
  readonly started: string;
  /** Host, boot and process-id namespace: where the process id means something. */
  readonly place: string;
}

/** Marks a process of this machine. */
export function markOf(pid: number): ProcessMark {
  return { pid, started: startOf(pid) ?? '', place: place() };
}

/** True while the marked process runs; undefined if it cannot be looked up from here. */
export function isRunning({ pid, started, place: where }: ProcessMark): boolean | undefined {
  if (where !== place()) return undefined;
  try {
    process.kill(pid, 0);
  } catch (error) {
    // EPERM: it lives and belongs to somebody else.
    return errorCode(error) !== 'ESRCH';
  }
  // It has ended, and its parent has not asked how.
  if (statOf(pid)?.[0] === 'Z') return false;
  const now = startOf(pid);
  return now === undefined || started === '' || now === started;
}

/** The value in a file of JSON; undefined if it is not whole, as after a loss of power. */
export function parseWhole(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The mark in a value that was read from a file; undefined if it holds none. */
export function parseMark(value: unknown): ProcessMark | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { pid, started, place: where } = value as Record<string, unknown>;
  if (typeof started !== 'string' || typeof where !== 'string') return undefined;
  if (typeof pid !== 'number' || !Number.isSafeInteger(pid) || pid <= 0) return undefined;
  return { pid, started, place: where };
}

/** The start time of a process in clock ticks since boot; undefined where the kernel does not tell it. */
function startOf(pid: number): string | undefined {
  return statOf(pid)?.[19];
}

/** What the kernel tells of a process, from its state on; undefined where it does not. */
function statOf(pid: number): readonly string[] | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The second field is the program's name in parentheses and may hold spaces; the third is the state.
    return text.slice(text.lastIndexOf(')') + 2).split(' ');
  } catch {
    return undefined;
  }
}

let knownPlace: string | undefined;

function place(): string {
  knownPlace ??= [
    hostname(),
    read(() => readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim()),
    read(() => readlinkSync('/proc/self/ns/pid')),
  ].join(' ');
  return knownPlace;
}

function read(source: () => string): string {
  try {
    return source();
  } catch {
    return '-';
  }
}
