/** The part as percent of the whole; 0 of nothing. */
export function percentOf(part: bigint, whole: bigint): number {
  // Six digits are kept before the conversion: IPv6 counts are beyond what a number holds.
  return whole === 0n ? 0 : Number((part * 100_000_000n) / whole) / 1_000_000;
}
