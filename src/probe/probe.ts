import type { HostSet } from '../net/host-set.ts';
import { AttemptFailure, dial } from './dial.ts';
import type { ProbeEndpoint } from './endpoint.ts';
import { type FindingKind, type Level, levelOf, type ProbeFinding, type Route } from './finding.ts';
import { shakeHands, type TrustedIssuers } from './handshake.ts';
import { askHead, type HttpHead, NoHttpAnswer } from './http-head.ts';
import { insidePolicy, type PolicyOfTarget } from './inside-policy.ts';
import { NameServers, type Resolution, ResolutionFailure } from './names.ts';
import { getThrough, type HttpProxy, tunnel } from './proxy.ts';

/** How to probe. */
export interface ProbeSettings {
  /** The ways to try; `proxy` needs a proxy. */
  readonly routes: readonly Exclude<Route, 'none'>[];
  readonly proxy: HttpProxy | undefined;
  readonly families: readonly (4 | 6)[];
  /** Name servers, with an optional port; those of the system where there are none. */
  readonly nameServers: readonly string[];
  readonly issuers: TrustedIssuers;
  /** How long one step (a question, a SYN, a handshake) may take. */
  readonly milliseconds: number;
  /** Endpoints that are probed at the same time. */
  readonly concurrency: number;
  /** The names that may be reached; an alias chain that ends elsewhere is told. */
  readonly allowedNames: HostSet;
  /** What targets that match no names let through; each resolved address is looked up there. */
  readonly addressTargets: readonly PolicyOfTarget[];
  /** Milliseconds since 1970, for the skew of the clock. */
  readonly now: () => number;
  readonly progress: (done: number, total: number) => void;
}

/** A clock that is off by more makes certificates and tokens look wrong (Kerberos, too, allows five minutes). */
const GREATEST_SKEW = 300_000;

type Ports = Pick<ProbeFinding, 'endpoint' | 'host' | 'port' | 'protocol'>;

/** Tries every endpoint on every route, a bounded number at a time. Findings come in the order of the endpoints. */
export async function probe(
  endpoints: readonly ProbeEndpoint[],
  settings: ProbeSettings,
): Promise<readonly ProbeFinding[]> {
  const results: ProbeFinding[][] = endpoints.map(() => []);
  const skews: number[] = [];
  const prober = new Prober(settings, (head) => {
    const date = Date.parse(head.headers.get('date') ?? '');
    if (!Number.isNaN(date)) skews.push(settings.now() - date);
  });
  let next = 0;
  let done = 0;
  const worker = async () => {
    for (let index = next++; index < endpoints.length; index = next++) {
      results[index] = await prober.endpoint(endpoints[index]!);
      settings.progress(++done, endpoints.length);
    }
  };
  await Promise.all(Array.from({ length: Math.min(settings.concurrency, endpoints.length) }, worker));
  return [...results.flat(), ...skewFinding(skews)];
}

/** The middle one of all skews: one server's wrong clock is not ours. */
function skewFinding(skews: readonly number[]): ProbeFinding[] {
  const middle = skews.toSorted((a, b) => a - b)[Math.floor(skews.length / 2)];
  if (middle === undefined || Math.abs(middle) <= GREATEST_SKEW) return [];
  const minutes = Math.round(Math.abs(middle) / 60_000);
  return [
    {
      endpoint: 'this machine',
      host: 'this machine',
      port: 0,
      protocol: 'tcp',
      route: 'none',
      address: undefined,
      kind: 'clock-skew',
      level: 'blocked',
      seen: `its clock is ${minutes} minutes ${middle > 0 ? 'ahead of' : 'behind'} what the servers say`,
      milliseconds: 0,
    },
  ];
}

class Prober {
  readonly #settings: ProbeSettings;
  readonly #onHead: (head: HttpHead) => void;
  readonly #names: NameServers;

  constructor(settings: ProbeSettings, onHead: (head: HttpHead) => void) {
    this.#settings = settings;
    this.#onHead = onHead;
    this.#names = new NameServers(settings.nameServers, settings.milliseconds);
  }

  async endpoint({ endpoint, host, port, protocol, path }: ProbeEndpoint): Promise<ProbeFinding[]> {
    if (protocol === 'udp')
      return [
        finding(
          { endpoint, host: host ?? endpoint, port, protocol },
          'none',
          undefined,
          'udp-not-probed',
          'nothing answers a datagram that it does not know',
        ),
      ];
    if (host === undefined)
      return [
        finding(
          { endpoint, host: endpoint, port, protocol },
          'none',
          undefined,
          'not-probed',
          'a wildcard, and no name below it is known',
        ),
      ];
    const what = { endpoint, host, port, protocol };
    const findings: ProbeFinding[] = [];
    for (const route of this.#settings.routes)
      findings.push(
        ...(route === 'proxy'
          ? [await this.#throughProxy(what, path)]
          : (await this.#direct(what, path)).map((found) => this.#besideProxy(found))),
      );
    return findings;
  }

  /** Where the connector uses a proxy, the direct way is a second one: what fails there need not matter. */
  #besideProxy(found: ProbeFinding): ProbeFinding {
    return this.#settings.routes.includes('proxy') && found.level === 'blocked'
      ? { ...found, level: 'note' }
      : found;
  }

  async #throughProxy(what: Ports, path: string): Promise<ProbeFinding> {
    const { proxy, milliseconds, issuers } = this.#settings;
    if (proxy === undefined) throw new TypeError('the route "proxy" needs a proxy');
    return attempt(what, 'proxy', undefined, async () => {
      if (what.port === 80) {
        const head = await getThrough(proxy, what.host, what.port, path, milliseconds);
        this.#onHead(head);
        return `HTTP ${head.status}`;
      }
      const { socket } = await tunnel(proxy, what.host, what.port, milliseconds);
      if (what.port !== 443) {
        socket.destroy();
        return 'the tunnel opened';
      }
      return shakeHands(socket, what.host, issuers, milliseconds);
    });
  }

  async #direct(what: Ports, path: string): Promise<ProbeFinding[]> {
    const { families, milliseconds, allowedNames } = this.#settings;
    const started = performance.now();
    let resolution: Resolution;
    try {
      resolution = await this.#names.resolve(what.host);
    } catch (error) {
      if (!(error instanceof ResolutionFailure)) throw error;
      return [
        {
          ...finding(what, 'direct', undefined, error.kind, error.message),
          milliseconds: performance.now() - started,
        },
      ];
    }
    const findings: ProbeFinding[] = [];
    const end = resolution.aliases.at(-1);
    if (end !== undefined && !allowedNames.has(end))
      findings.push(
        finding(
          what,
          'direct',
          undefined,
          'name-outside',
          `an alias of ${resolution.aliases.join(' → ')}, which no row names`,
        ),
      );
    const dialled = families.flatMap((family) => {
      const [address] = family === 4 ? resolution.ipv4 : resolution.ipv6;
      return address === undefined ? [] : [{ family, address }];
    });
    if (dialled.length === 0)
      findings.push(
        finding(what, 'direct', undefined, 'name-unknown', `no IPv${families.join(' or IPv')} address`),
      );
    const attempts = await Promise.all(
      dialled.map(({ address }) =>
        attempt(what, 'direct', address, async () => {
          const socket = await dial(address, what.port, milliseconds);
          if (what.port === 443) return shakeHands(socket, what.host, this.#settings.issuers, milliseconds);
          try {
            if (what.port !== 80) return 'connected';
            return await this.#get(socket, what.host, path);
          } finally {
            socket.destroy();
          }
        }),
      ),
    );
    findings.push(...attempts.map((one) => mildened(one, attempts)));
    const addresses = [...resolution.ipv4, ...resolution.ipv6];
    findings.push(
      ...insidePolicy(what.host, addresses, what, this.#settings.addressTargets).map(({ address, seen }) =>
        finding(what, 'direct', address, 'outside-policy', seen),
      ),
    );
    return findings;
  }

  async #get(socket: Awaited<ReturnType<typeof dial>>, host: string, path: string): Promise<string> {
    try {
      const head = await askHead(
        socket,
        `GET ${path} HTTP/1.1\r\nHost: ${host}\r\nUser-Agent: azure-allowlist-probe\r\nConnection: close\r\n\r\n`,
        this.#settings.milliseconds * 2,
      );
      this.#onHead(head);
      return `HTTP ${head.status}`;
    } catch (error) {
      if (error instanceof NoHttpAnswer)
        throw new AttemptFailure('http-failed', error.message, { cause: error });
      throw error;
    }
  }
}

/** A machine without a route for IPv6 never dials it: harmless where IPv4 works. */
function mildened(one: ProbeFinding, all: readonly ProbeFinding[]): ProbeFinding {
  return one.kind === 'unreachable' && one.seen === 'ENETUNREACH' && all.some(({ kind }) => kind === 'works')
    ? { ...one, level: 'note' }
    : one;
}

async function attempt(
  what: Ports,
  route: Route,
  address: string | undefined,
  run: () => Promise<string>,
): Promise<ProbeFinding> {
  const started = performance.now();
  const end = (kind: FindingKind, seen: string) => ({
    ...finding(what, route, address, kind, seen),
    milliseconds: performance.now() - started,
  });
  try {
    return end('works', await run());
  } catch (error) {
    if (error instanceof AttemptFailure) return end(error.kind, error.message);
    throw error;
  }
}

function finding(
  { endpoint, host, port, protocol }: Ports,
  route: Route,
  address: string | undefined,
  kind: FindingKind,
  seen: string,
  level: Level = levelOf(kind),
): ProbeFinding {
  return { endpoint, host, port, protocol, route, address, kind, level, seen, milliseconds: 0 };
}
