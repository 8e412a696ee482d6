import type { AddressSet } from '../net/address-set.ts';
import { DualStackSet } from '../net/dual-stack-set.ts';
import { HostSet } from '../net/host-set.ts';
import { methodInWords } from '../net/method.ts';
import { PortSet, PROTOCOLS } from '../net/ports.ts';
import { counted, digits } from '../numbers.ts';
import type { Admission } from '../policy/admission.ts';

export { counted, digits };

/** `a`, `a and b`, `a, b and c`. */
export function enumerate(parts: readonly string[], shown = Number.POSITIVE_INFINITY): string {
  // Of one that would be left out, its name is no longer than the count.
  if (parts.length > shown + 1)
    return `${parts.slice(0, shown).join(', ')} and ${digits(parts.length - shown)} more`;
  return parts.length < 2 ? parts.join('') : `${parts.slice(0, -1).join(', ')} and ${parts.at(-1)}`;
}

const NET64 = 1n << 64n;

/** The size of an IPv6 set in a unit that people can picture: /64 networks where it holds one, else addresses. */
export function ipv6Size(size: bigint): string {
  if (size < NET64) return digits(size);
  const whole = size / NET64;
  return `${size % NET64 === 0n ? '' : '~'}${digits(whole)} /64`;
}

/** `12,288 IPv4 addresses and 4 IPv6 /64 networks`; `no addresses` for an empty set. */
export function spaceInWords(set: DualStackSet): string {
  return set.isEmpty ? 'no addresses' : enumerate(spaceParts(set));
}

/** The size of each family that has addresses, in words. */
export function spaceParts({ ipv4, ipv6 }: DualStackSet): string[] {
  return sizeParts({ ipv4: ipv4.size, ipv6: ipv6.size });
}

/** The same of the sizes alone. */
export function sizeParts({ ipv4, ipv6 }: { readonly ipv4: bigint; readonly ipv6: bigint }): string[] {
  return [
    ...(ipv4 === 0n ? [] : [counted(ipv4, 'IPv4 address', 'IPv4 addresses')]),
    ...(ipv6 === 0n ? [] : [ipv6InWords(ipv6)]),
  ];
}

function ipv6InWords(size: bigint): string {
  if (size < NET64) return counted(size, 'IPv6 address', 'IPv6 addresses');
  const about = size % NET64 === 0n ? '' : 'about ';
  return `${about}${counted(size / NET64, 'IPv6 /64 network')}`;
}

/** `+12,288`, `−256`, `+1 −2`, `±0`: a gain and a loss in one cell; `format` says the size. */
export function signed(gained: bigint, lost: bigint, format: (size: bigint) => string = digits): string {
  const parts = [gained > 0n ? `+${format(gained)}` : '', lost > 0n ? `−${format(lost)}` : ''];
  return parts.filter((part) => part !== '').join(' ') || '±0';
}

/** Percent of `part` in `whole` with two significant digits; undefined where there is no whole. */
export function percent(part: bigint, whole: bigint): string | undefined {
  if (whole === 0n) return undefined;
  const value = (Number(part) / Number(whole)) * 100;
  if (part > 0n && value < 0.01) return '< 0.01 %';
  return `${value >= 10 ? value.toFixed(0) : value.toFixed(value >= 1 ? 1 : 2)} %`;
}

/** All addresses of an admission, on whatever port. */
export function addressesOf(admission: Admission): DualStackSet {
  return DualStackSet.union(admission.grants.map(({ addresses }) => addresses));
}

/** How many host patterns an admission needs, on whatever port. */
export function nameCount(admission: Admission): number {
  const all = admission.grants.reduce((hosts, grant) => hosts.union(grant.hosts), HostSet.empty);
  return all.patterns().include.length;
}

/** `14,096 IPv4, 4 /64 and 1 name`: how much an admission holds, on whatever port. */
export function sizeInShort(admission: Admission): string {
  const { ipv4, ipv6 } = addressesOf(admission);
  const names = nameCount(admission);
  const size6 = ipv6Size(ipv6.size);
  return enumerate([
    ...(ipv4.isEmpty ? [] : [`${digits(ipv4.size)} IPv4`]),
    ...(ipv6.isEmpty ? [] : [size6.endsWith('/64') ? size6 : `${size6} IPv6`]),
    ...(names === 0 ? [] : [counted(names, 'name')]),
  ]);
}

/** Each host once, whoever may reach it, with its ports, as `*.example.net:443`, and `… by CONNECT` where that alone is meant; exceptions as `!x.example.net:443`. */
export function namesInWords(admission: Admission): string[] {
  return admission
    .forAnyClient()
    .told.flatMap(({ hosts, ports, method }) =>
      hosts.toStrings().map((host) => `${host}:${ports}${methodInWords(method)}`),
    );
}

/** `port 80,443`, `every TCP port and port 53/udp`, `every port`. */
export function portsInWords(ports: PortSet): string {
  if (ports.equals(PortSet.all)) return 'every port';
  const whole = PROTOCOLS.filter((protocol) => ports.isSupersetOf(PortSet.allOf([protocol])));
  const rest = ports.difference(PortSet.allOf(whole));
  return enumerate([
    ...whole.map((protocol) => `every ${protocol.toUpperCase()} port`),
    ...(rest.isEmpty ? [] : [`port ${rest}`]),
  ]);
}

/** `12 ranges in 15 prefixes`. */
export function rangesInWords(set: AddressSet): string {
  return `${counted(set.rangeCount, 'range')} in ${counted(set.cover().length, 'prefix', 'prefixes')}`;
}
