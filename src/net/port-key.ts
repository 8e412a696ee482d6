import type { PortSet } from './ports.ts';

/**
 * Ports as a part of names: `80-443-8080_8090`, `123u` for UDP, at most 7 characters, otherwise `p` and six digits of a
 * hash. It stays the same while the ports do.
 */
export function portKey(ports: PortSet): string {
  const key = ports
    .toStrings()
    .map((range) => range.replace('-', '_').replace('/udp', 'u'))
    .join('-');
  return key.length <= 7 ? key : `p${hash24(key)}`;
}

/** FNV-1a, the upper 24 bits in hex. */
function hash24(text: string): string {
  let hash = 0x811c9dc5;
  for (const character of text) hash = Math.imul(hash ^ character.charCodeAt(0), 0x01000193);
  return (hash >>> 8).toString(16).padStart(6, '0');
}
