import { parseM365Endpoints } from '../../src/feed/parse-m365.ts';
import type { M365Sets } from '../../src/policy/m365-rules.ts';

/** An endpoint set as the service publishes it. */
export interface PublishedSet {
  readonly id: number;
  readonly serviceArea: string;
  readonly category: string;
  readonly required: boolean;
  readonly expressRoute: boolean;
  readonly urls?: readonly string[];
  readonly ips?: readonly string[];
  readonly tcpPorts?: string;
  readonly udpPorts?: string;
}

export function publishedSet(id: number, rest: Partial<PublishedSet> = {}): PublishedSet {
  return {
    id,
    serviceArea: 'Exchange',
    category: 'Optimize',
    required: true,
    expressRoute: false,
    ...rest,
  };
}

/** Endpoint sets in reserved ranges, in the proportions of the real ones: different ports, UDP, a partial name. */
export const M365_SETS: readonly PublishedSet[] = [
  publishedSet(1, {
    urls: ['outlook.example.com', '*.outlook.example.com'],
    ips: ['198.51.100.0/25', '2001:db8:1::/48'],
    tcpPorts: '80,443',
    udpPorts: '443',
  }),
  publishedSet(2, {
    category: 'Allow',
    urls: ['smtp.example.com', 'outlook.example.com'],
    ips: ['198.51.100.64/26', '192.0.2.0/26'],
    tcpPorts: ' 587,  993',
  }),
  publishedSet(10, { category: 'Allow', ips: ['203.0.113.64/27'], tcpPorts: '25', required: false }),
  publishedSet(11, { serviceArea: 'Skype', ips: ['203.0.113.0/26'], udpPorts: '3478,3479,3480,3481' }),
  publishedSet(39, {
    serviceArea: 'SharePoint',
    category: 'Default',
    urls: ['*-files.share.example.net', 'static.example.net'],
    tcpPorts: '80,443',
  }),
  publishedSet(56, {
    serviceArea: 'Common',
    urls: ['login.example.org'],
    ips: ['192.0.2.128/25'],
    tcpPorts: '80,443,50000-50059',
  }),
];

/** The sets as a policy takes them. */
export function m365Sets(
  sets: readonly PublishedSet[],
  partialNames: M365Sets['partialNames'] = 'widen',
): M365Sets {
  const { rows, unknownFields } = parseM365Endpoints(JSON.stringify(sets), 'endpoints');
  return {
    endpoints: { instance: 'Worldwide', version: '2026010100', sha256: '', rows, unknownFields },
    partialNames,
  };
}
