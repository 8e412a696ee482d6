import IPCIDR from 'ip-cidr';
import { parseAddress, width } from '../net/address.ts';
import { DualStackSet } from '../net/dual-stack-set.ts';
import { formatPrefix, type Prefix, parsePrefix } from '../net/prefix.ts';
import { ConfigurationError } from '../problem.ts';

/**
 * Parses an address or CIDR as people type it: upper case and any RFC 4291 spelling are fine, a bare
 * address is its own prefix. What is ambiguous is not: octal, short forms, zone ids, host bits.
 * @throws RangeError saying what is wrong and what may have been meant
 */
export function parseTypedPrefix(text: string): Prefix {
  const quoted = JSON.stringify(text);
  if (text.includes('%')) throw new RangeError(`${quoted} has a zone id, which means nothing to a firewall`);
  const cidr = text.includes('/') ? text : `${text}/${text.includes(':') ? 128 : 32}`;
  if (!IPCIDR.isValidCIDR(cidr)) throw new RangeError(`${quoted} is not an address or CIDR`);
  const [typed = '', length = ''] = cidr.split('/');
  const network = new IPCIDR(cidr).start<{ correctForm(): string }>({ type: 'addressObject' });
  const prefix = parsePrefix(`${network.correctForm()}/${length}`);
  const { family, value } = parseAddress(typed);
  if (value !== prefix.first) {
    const host = formatPrefix({ family, first: value, length: width(family) });
    throw new RangeError(`${quoted} has host bits set; did you mean ${formatPrefix(prefix)} or ${host}?`);
  }
  return prefix;
}

/** The addresses of a list that people typed. @throws ConfigurationError that names the flag or key */
export function typedPrefixes(texts: readonly string[], where: string): DualStackSet {
  return DualStackSet.fromPrefixes(
    texts.map((text) => {
      try {
        return parseTypedPrefix(text);
      } catch (error) {
        throw new ConfigurationError(`${where}: ${(error as Error).message}`, [], { cause: error });
      }
    }),
  );
}
