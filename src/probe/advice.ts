import type { FindingKind, ProbeFinding } from './finding.ts';

/** Who must change something. */
export type Responsible =
  | 'nobody'
  | 'firewall'
  | 'proxy'
  | 'name servers'
  | 'this machine'
  | 'policy'
  | 'Microsoft';

/** What to do about a finding. */
export interface Advice {
  readonly responsible: Responsible;
  readonly sentence: string;
}

/** A sentence for a finding: who must change what. The articles' advice stands where they give some. */
export function adviceFor({ kind, host, port, address, route }: ProbeFinding): Advice {
  const at = `${address === undefined ? host : `${address} (${host})`} on port ${port}`;
  const all: Readonly<Record<FindingKind, Advice>> = {
    works: { responsible: 'nobody', sentence: 'Nothing to do.' },
    'not-probed': {
      responsible: 'this machine',
      sentence: `Not judged: name a host below ${host} with --example.`,
    },
    'udp-not-probed': {
      responsible: 'nobody',
      sentence: host.startsWith('*')
        ? `Not judged: UDP is not probed. Name a host below ${host} with --example.`
        : `Not judged: UDP is not probed. Whether the policy lets ${host} through on port ${port}/udp, \`azure-allowlist check ${host}:${port}/udp\` says; that it arrives, only the service itself shows.`,
    },
    'name-unknown': {
      responsible: 'name servers',
      sentence: `The name servers of this machine must resolve ${host}: forward the zone to public name servers, or send the connector through a proxy, which resolves names itself.`,
    },
    'name-server': {
      responsible: 'name servers',
      sentence: `The name servers of this machine do not answer for ${host}: check that port 53 to them is open and that they may ask the Internet.`,
    },
    'name-outside': {
      responsible: 'firewall',
      sentence: `A firewall that matches names must follow aliases: the connector asks for ${host}, but the addresses stand under another name, which Microsoft does not list.`,
    },
    unanswered: {
      responsible: 'firewall',
      sentence: `The firewall drops the SYN to ${at}: it must allow this machine out to ${host} on port ${port}. The article takes repeated SYNs to 443 as this sign.`,
    },
    reset: {
      responsible: 'firewall',
      sentence: `Something resets or refuses connections to ${at}: the firewall must allow this machine out to it.`,
    },
    unreachable: {
      responsible: 'firewall',
      sentence: `There is no way to ${at}: a route is missing, or the firewall rejects it with an ICMP message.`,
    },
    'proxy-name': {
      responsible: 'this machine',
      sentence:
        "The proxy's own name does not resolve: correct --proxy, or the name servers of this machine.",
    },
    'proxy-unanswered': {
      responsible: 'firewall',
      sentence:
        'The proxy does not answer: the firewall between this machine and the proxy must allow its port.',
    },
    'proxy-reset': {
      responsible: 'proxy',
      sentence:
        'Nothing listens on the port of the proxy, or something resets the connection: correct the port.',
    },
    'proxy-authentication': {
      responsible: 'proxy',
      sentence: `The proxy must let this machine reach ${host}:${port} without authentication: the connector has no credentials to give, and the article asks for anonymous access to these destinations.`,
    },
    'proxy-refuses': {
      responsible: 'proxy',
      sentence: `The proxy must allow ${port === 80 ? 'requests' : 'CONNECT'} to ${host}:${port}; the article asks for ports 80 and 443. A 502, 503 or 504 can also mean that the proxy's own way out is closed.`,
    },
    'proxy-unclear': {
      responsible: 'proxy',
      sentence: `Look into the proxy's log whether it refused ${host}:${port}; the server itself may have said 403 as well.`,
    },
    'tls-intercepted': {
      responsible: route === 'proxy' ? 'proxy' : 'firewall',
      sentence: `TLS to ${host} is inspected: exempt it. The connector identifies itself with a client certificate, which inspection takes away.`,
    },
    'tls-failed': {
      responsible: route === 'proxy' ? 'proxy' : 'firewall',
      sentence: `The connection to ${at} opens, but TLS does not: something that looks into it cuts it off; allow TLS to ${host} without inspection.`,
    },
    'certificate-expired': {
      responsible: 'this machine',
      sentence: `The certificate of ${host} has expired: check the clock of this machine first; if it is right, something answers in the place of the service.`,
    },
    'certificate-not-yet': {
      responsible: 'this machine',
      sentence: `The certificate of ${host} is not valid yet: the clock of this machine is behind.`,
    },
    'certificate-name': {
      responsible: 'name servers',
      sentence: `Another server answers for ${host}: check what the name resolves to here, and whether something redirects the connection.`,
    },
    'certificate-untrusted': {
      responsible: route === 'proxy' ? 'proxy' : 'firewall',
      sentence: `The chain of ${host} leads to no known root although the issuer's name is right: treat it as inspected TLS, and exempt ${host}.`,
    },
    'clock-skew': {
      responsible: 'this machine',
      sentence: 'Set the clock of this machine (time service): certificates and tokens are judged by it.',
    },
    'http-failed': {
      responsible: 'firewall',
      sentence: `The connection to ${at} opens, but no HTTP answer comes: allow plain HTTP there; certificates are verified by it, at times without the proxy.`,
    },
    'outside-policy': {
      responsible: 'policy',
      sentence: `The rule files do not let ${at} through: no selected service tag covers it. Select one that does (\`azure-allowlist tags ${address ?? ''}\`), or use a device that matches names.`,
    },
  };
  return all[kind];
}
