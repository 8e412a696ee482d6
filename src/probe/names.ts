import { Resolver } from 'node:dns/promises';
import { isIP } from 'node:net';
import type { FindingKind } from './finding.ts';

/** What the name servers say of a host. */
export interface Resolution {
  /** The names that the host is an alias of, in order; empty for a host with addresses of its own. */
  readonly aliases: readonly string[];
  readonly ipv4: readonly string[];
  readonly ipv6: readonly string[];
}

/** A name that could not be resolved. */
export class ResolutionFailure extends Error {
  override readonly name = 'ResolutionFailure';
  readonly kind: Extract<FindingKind, 'name-unknown' | 'name-server'>;

  constructor(kind: ResolutionFailure['kind'], seen: string, options?: ErrorOptions) {
    super(seen, options);
    this.kind = kind;
  }
}

/** Aliases of aliases, before a chain counts as a loop. */
const LONGEST_CHAIN = 12;

/** Asks name servers. */
export class NameServers {
  readonly #resolver: Resolver;

  /**
   * @param servers addresses with an optional port (`192.0.2.53:5353`); those of the system where there are none
   * @param milliseconds how long one question may take
   */
  constructor(servers: readonly string[], milliseconds: number) {
    this.#resolver = new Resolver({ timeout: milliseconds, tries: 2 });
    if (servers.length > 0) this.#resolver.setServers(servers);
  }

  /** The addresses of a host, and the aliases on the way to them. @throws ResolutionFailure */
  async resolve(host: string): Promise<Resolution> {
    if (isIP(host) !== 0)
      return isIP(host) === 4
        ? { aliases: [], ipv4: [host], ipv6: [] }
        : { aliases: [], ipv4: [], ipv6: [host] };
    const [ipv4, ipv6] = await Promise.all([
      answer(this.#resolver.resolve4(host)),
      answer(this.#resolver.resolve6(host)),
    ]);
    if (ipv4.values.length === 0 && ipv6.values.length === 0) {
      const codes = [ipv4.code, ipv6.code].filter((code) => code !== undefined);
      const trouble = codes.find((code) => code !== 'ENOTFOUND' && code !== 'ENODATA');
      if (trouble !== undefined)
        throw new ResolutionFailure('name-server', `the name servers gave no answer (${trouble})`);
      throw new ResolutionFailure(
        'name-unknown',
        codes.includes('ENOTFOUND') ? 'NXDOMAIN' : 'the name has no address',
      );
    }
    return { aliases: await this.#aliases(host), ipv4: ipv4.values, ipv6: ipv6.values };
  }

  async #aliases(host: string): Promise<readonly string[]> {
    const chain: string[] = [];
    let name = host;
    while (chain.length < LONGEST_CHAIN) {
      const { values } = await answer(this.#resolver.resolveCname(name));
      const [next] = values;
      if (next === undefined || chain.includes(next)) break;
      chain.push(next.toLowerCase());
      name = next;
    }
    return chain;
  }
}

async function answer(
  question: Promise<readonly string[]>,
): Promise<{ readonly values: readonly string[]; readonly code?: string }> {
  try {
    return { values: await question };
  } catch (error) {
    return { values: [], code: (error as NodeJS.ErrnoException).code ?? 'unknown' };
  }
}
