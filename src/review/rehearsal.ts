/** What became of the requests to the edges of one rule: with the files in force, and with the planned ones. */
export interface RehearsalRow {
  readonly rule: string;
  readonly kind: 'IPv4' | 'IPv6' | 'names';
  readonly attempts: number;
  readonly stayOpen: number;
  readonly open: number;
  readonly close: number;
  readonly stayClosed: number;
}

/** The rule files of one target, tried in the program that loads them before a device does. */
export interface RehearsedTarget {
  readonly target: string;
  /** The program that the files were tried in. */
  readonly tried: string;
  readonly rows: readonly RehearsalRow[];
  /** Edges that nothing can be sent to: this-network, loopback, multicast, link-local. */
  readonly notSent: number;
}
