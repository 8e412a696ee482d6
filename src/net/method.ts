import type { PortSet } from './ports.ts';

/**
 * How a client asks a proxy for a host: with CONNECT for a tunnel, whatever goes through it, or with the request itself,
 * which the proxy sends on (RFC 9110, 9.3.6 and 7.1). Devices that see packets see neither.
 */
export const METHODS = ['tunnel', 'plain'] as const;

export type Method = (typeof METHODS)[number];

/** What a message says of what is by one method alone. */
const METHOD_WORDS: Readonly<Record<Method, string>> = { tunnel: 'by CONNECT', plain: 'by plain requests' };

/** ` by CONNECT`, ` by plain requests`; nothing where it is not by one method alone. */
export function methodInWords(method: Method | undefined): string {
  return method === undefined ? '' : ` ${METHOD_WORDS[method]}`;
}

/** The ports on which names are asked for by each method. */
export type PortsByMethod = Readonly<Record<Method, PortSet>>;

/** Ports, and on which of them by which method; absent where it is on all of them by both. */
export interface MethodPorts {
  readonly ports: PortSet;
  readonly by?: PortsByMethod;
}

/** Ports that are asked for by these methods; nothing asks a proxy for UDP, so that on its ports there is no method. */
export function portsBy(ports: PortSet, methods: readonly Method[] | undefined): MethodPorts {
  if (methods === undefined) return { ports };
  const others = ports.only('udp');
  const by = (method: Method) => (methods.includes(method) ? ports : others);
  return canonical({ ports, by: { tunnel: by('tunnel'), plain: by('plain') } });
}

/** The ports by one of the methods. */
export function portsOf({ ports, by }: MethodPorts, method: Method): PortSet {
  return by === undefined ? ports : by[method];
}

export function unitePorts(a: MethodPorts, b: MethodPorts): MethodPorts {
  const ports = a.ports.union(b.ports);
  if (a.by === undefined && b.by === undefined) return { ports };
  return canonical({ ports, by: eachMethod((method) => portsOf(a, method).union(portsOf(b, method))) });
}

/** The part of them that is among others. */
export function intersectPorts({ ports, by }: MethodPorts, others: PortSet): MethodPorts {
  const common = ports.intersection(others);
  if (by === undefined) return { ports: common };
  return canonical({ ports: common, by: eachMethod((method) => by[method].intersection(others)) });
}

export function holdsPorts(outer: MethodPorts, inner: MethodPorts): boolean {
  return METHODS.every((method) => portsOf(outer, method).isSupersetOf(portsOf(inner, method)));
}

/** A text by which equal ones are found. */
export function keyOfPorts({ ports, by }: MethodPorts): string {
  return by === undefined ? `${ports}` : `${ports} ${by.tunnel} ${by.plain}`;
}

function canonical({ ports, by }: Required<MethodPorts>): MethodPorts {
  return METHODS.every((method) => by[method].equals(ports)) ? { ports } : { ports, by };
}

function eachMethod(make: (method: Method) => PortSet): PortsByMethod {
  return { tunnel: make('tunnel'), plain: make('plain') };
}
