import { domainToASCII } from 'node:url';

/**
 * Host names that a firewall may let through: the name itself, everything below it, or both.
 * Spelled `x` (the host alone), `*.x` (subdomains of any depth, without the apex `x`), `.x` (both).
 */
export interface HostPattern {
  /** Lower case, punycode, without a trailing dot. */
  readonly name: string;
  /** Whether `name` itself is meant. */
  readonly apex: boolean;
  /** Whether the names below it, at any depth, are meant. */
  readonly subdomains: boolean;
}

/** Text that is not a host name or pattern. */
export class HostSyntaxError extends Error {
  override readonly name = 'HostSyntaxError';
}

const LABEL = /^(?!-)[a-z0-9_-]{1,63}(?<!-)$/;

/**
 * Parses a host name into its canonical spelling: lower case, punycode (UTS 46), no trailing dot.
 * @throws HostSyntaxError for anything that cannot be a DNS host name, addresses included
 */
export function parseHost(text: string): string {
  const fail = (reason: string): never => {
    throw new HostSyntaxError(`${JSON.stringify(text)} is not a host name: ${reason}`);
  };
  if (/[/:?#@\\[\]%\s]/.test(text)) fail('a scheme, port, path or space does not belong here');
  // biome-ignore lint/suspicious/noControlCharactersInRegex: pure ASCII is what needs no IDNA mapping
  const ascii = /^[\x00-\x7f]*$/.test(text) ? text.toLowerCase() : domainToASCII(text);
  const name = ascii.endsWith('.') ? ascii.slice(0, -1) : ascii;
  if (name === '') fail('it is empty');
  if (name.length > 253) fail('it is longer than 253 characters');
  const labels = name.split('.');
  for (const label of labels)
    if (!LABEL.test(label)) fail(`the label ${JSON.stringify(label)} is not allowed`);
  if (/^(\d+|0x[0-9a-f]*)$/.test(labels.at(-1)!)) fail('it ends in a number, like an address');
  return name;
}

/** Parses `x`, `*.x` or `.x`. @throws HostSyntaxError */
export function parseHostPattern(text: string): HostPattern {
  if (text.startsWith('*.')) return { name: parseHost(text.slice(2)), apex: false, subdomains: true };
  if (text.startsWith('.')) return { name: parseHost(text.slice(1)), apex: true, subdomains: true };
  if (text.includes('*'))
    throw new HostSyntaxError(
      `${JSON.stringify(text)}: "*" may only stand as the whole first label ("*.example.com")`,
    );
  return { name: parseHost(text), apex: true, subdomains: false };
}

export function formatHostPattern({ name, apex, subdomains }: HostPattern): string {
  return subdomains ? `${apex ? '' : '*'}.${name}` : name;
}

/** By label from the top level down (`a.example.com` after `example.com`), then exact before wildcard. */
export function compareHostPatterns(a: HostPattern, b: HostPattern): number {
  if (a.name !== b.name) {
    const left = a.name.split('.').reverse();
    const right = b.name.split('.').reverse();
    for (let i = 0; i < Math.min(left.length, right.length); i++)
      if (left[i] !== right[i]) return left[i]! < right[i]! ? -1 : 1;
    return left.length - right.length;
  }
  return Number(a.subdomains) - Number(b.subdomains) || Number(b.apex) - Number(a.apex);
}
