import { type HostPattern, HostSyntaxError, parseHost } from '../net/host-pattern.ts';

/** Whether a name has a wildcard inside its first label: `a*.example.com`, `*a.example.com`. */
export function isPartialName(text: string): boolean {
  return /^[^.*]*\*[^.*]*\.[^*]+$/.test(text) && !text.startsWith('*.');
}

/** The least pattern that holds a name with a wildcard inside its first label. @throws HostSyntaxError */
export function parsePartialName(text: string): HostPattern {
  const [label = '', ...rest] = text.split('.');
  if (!/^[a-z0-9-]*\*[a-z0-9-]*$/.test(label))
    throw new HostSyntaxError(`${JSON.stringify(text)} has a label that is not allowed`);
  return { name: parseHost(rest.join('.')), apex: false, subdomains: true };
}
