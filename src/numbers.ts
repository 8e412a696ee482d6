/** `12,288`: digits in groups of three, the same everywhere, whatever the locale. */
export function digits(count: number | bigint): string {
  return `${count}`.replace(/\B(?=(\d{3})+$)/g, ',');
}

/** `1 name`, `2 names`. */
export function counted(count: number | bigint, one: string, many = `${one}s`): string {
  return `${digits(count)} ${count === 1 || count === 1n ? one : many}`;
}
