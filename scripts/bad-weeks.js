// Weeks that should not reach a firewall, and what a run says of each: `node scripts/bad-weeks.js DIR` prints the table
// that docs/guards.md holds. DIR has the public weekly files; two of them are changed in memory.
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { baselineOf } from '../dist/committed/baseline.js';
import { filesReader, readOutputTree } from '../dist/committed/output-tree.js';
import { parseConfig } from '../dist/config/load.js';
import { addDays } from '../dist/feed/file-date.js';
import { loadKnownFigures } from '../dist/feed/known-space.js';
import { parseServiceTags } from '../dist/feed/parse.js';
import { loadTargets } from '../dist/job.js';
import { formatAddress } from '../dist/net/address.js';
import { AddressSet } from '../dist/net/address-set.js';
import { DualStackSet } from '../dist/net/dual-stack-set.js';
import { formatPrefix, parsePrefix } from '../dist/net/prefix.js';
import { planRun } from '../dist/pipeline.js';
import { AllowlistError } from '../dist/problem.js';
import { loadTables } from '../dist/products.js';
import { verdict } from '../dist/review/verdict.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const [WEEK, NEXT] = ['20250714', '20250721'];
const CONFIGURATION = {
  version: 1,
  rules: [
    {
      name: 'connector',
      endpoints: ['private-network-connector'],
      serviceTags: ['AzureCloud', 'AzureActiveDirectory', 'AzureResourceManager'],
    },
    { name: 'bus', serviceTags: ['ServiceBus'], ports: [443, '5671-5672'] },
    { name: 'storage-weu', serviceTags: ['Storage.WestEurope'], ports: [443] },
  ],
  targets: { iptables: {} },
};

const add =
  (tag, ...prefixes) =>
  (week) =>
    of(week, tag).push(...prefixes.filter((prefix) => !of(week, tag).includes(prefix)));
const of = (week, tag) => week.values.find(({ name }) => name === tag).properties.addressPrefixes;
const set = (tag, change) => (week) => {
  const { properties } = week.values.find(({ name }) => name === tag);
  properties.addressPrefixes = change(properties.addressPrefixes);
};
const drop = (tag, share) => set(tag, (all) => all.filter((_, index) => (index * share) % 1 >= share));
const first = (tag, count) => set(tag, (all) => all.slice(0, count));
const without =
  (...names) =>
  (week) => {
    week.values = week.values.filter(({ name }) => !names.includes(name));
  };
const all =
  (...changes) =>
  (week) => {
    for (const change of changes) change(week);
  };
const slices = (base, count, length) =>
  Array.from({ length: count }, (_, index) => {
    const address = base * 2 ** 24 + index * 2 ** (32 - length);
    return `${[24, 16, 8, 0].map((shift) => Math.floor(address / 2 ** shift) % 256).join('.')}/${length}`;
  });
const ipv6 = (count) => Array.from({ length: count }, (_, index) => `2a10:${(index + 1).toString(16)}::/32`);
const isIn = (region) => (week) => {
  const own = new Set(
    week.values.find(({ name }) => name === `AzureCloud.${region}`).properties.addressPrefixes,
  );
  set('AzureCloud', (prefixes) => prefixes.filter((prefix) => !own.has(prefix)))(week);
};

const isIpv6 = (prefix) => prefix.includes(':');
const sizeOf = (prefix) => 2 ** (32 - Number(prefix.split('/')[1]));
const at = (first, count, length) => {
  const start = first.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
  return slices(start / 2 ** 24, count, length);
};
const half = (tag, which) => {
  let seen = 0;
  return set(tag, (list) => list.filter((prefix) => !which(prefix) || seen++ % 2 === 1));
};
/** IPv4 prefixes of a list that come to so many addresses at most. */
const chosen = (list, addresses) => {
  let left = addresses;
  return list.filter((prefix) => {
    if (isIpv6(prefix) || sizeOf(prefix) > left) return false;
    left -= sizeOf(prefix);
    return true;
  });
};
const cut = (tag, addresses) =>
  set(tag, (list) => {
    const gone = chosen(list, addresses);
    return list.filter((prefix) => !gone.includes(prefix));
  });
const addToAll = (prefix, ...tags) => all(...tags.map((tag) => add(tag, prefix)));
const swapped = (one, other) => (week) => {
  const [a, b] = [of(week, one), of(week, other)];
  set(one, () => [...b])(week);
  set(other, () => [...a])(week);
};
const hextets = (count) =>
  Array.from({ length: count }, (_, index) => `2a01:4f8:${(index * 4 + 1).toString(16)}::/48`);

const hosts = (count) =>
  Array.from({ length: count }, (_, index) => `2a01:4f8:1:${(index + 1).toString(16)}::1/128`);

/** A prefix in the place of one of its parts, where it lets in the most that was in no tag. */
const swallow = (tag, length) => (week) => {
  const known = AddressSet.fromPrefixes(
    4,
    prefixesOf(week.values.flatMap((one) => one.properties.addressPrefixes)),
  );
  const wide = prefixesOf(of(week, tag))
    .filter((prefix) => prefix.length > length)
    .map(({ first: start }) =>
      parsePrefix(`${formatAddress(4, start - (start % 2n ** BigInt(32 - length)))}/${length}`),
    )
    .map((prefix) => ({ prefix, fresh: AddressSet.fromPrefixes(4, [prefix]).difference(known).size }))
    .sort((a, b) => Number(b.fresh - a.fresh))[0];
  add(tag, formatPrefix(wide.prefix))(week);
};
const prefixesOf = (list) => list.filter((prefix) => !isIpv6(prefix)).map(parsePrefix);

const USED = [
  'AzureCloud',
  'AzureActiveDirectory',
  'AzureResourceManager',
  'ServiceBus',
  'Storage.WestEurope',
];

/** Blocks of a region that no service has: the addresses of customers. */
const ofCustomers = (week, region, count, length) => {
  const services = week.values.filter(({ name }) => !name.startsWith('AzureCloud'));
  const held = AddressSet.fromPrefixes(
    4,
    prefixesOf(services.flatMap(({ properties }) => properties.addressPrefixes)),
  );
  return AddressSet.fromPrefixes(4, prefixesOf(of(week, `AzureCloud.${region}`)))
    .difference(held)
    .cover()
    .filter((prefix) => prefix.length <= length)
    .slice(0, count)
    .map(({ first: start }) => `${formatAddress(4, start)}/${length}`);
};
const addCustomers =
  (region, count, length, ...tags) =>
  (week) => {
    const blocks = ofCustomers(week, region, count, length);
    for (const tag of tags) add(tag, ...blocks)(week);
  };
/** Takes addresses out of every tag that has them. */
const cutEverywhere = (week, gone) => {
  const lost = AddressSet.fromPrefixes(4, gone);
  for (const { properties } of week.values) {
    const own = AddressSet.fromPrefixes(4, prefixesOf(properties.addressPrefixes));
    if (!own.intersects(lost)) continue;
    properties.addressPrefixes = [
      ...own.difference(lost).coverTexts(),
      ...properties.addressPrefixes.filter(isIpv6),
    ];
  }
};

/** Customers' addresses, every so many of a region: each by itself. */
const singlesOfCustomers = (week, region, count) => {
  const blocks = ofCustomers(week, region, count, 24);
  return Array.from({ length: count }, (_, index) => {
    const [start] = blocks[index % blocks.length].split('/');
    return start.replace(/\d+$/, String(1 + 2 * Math.floor(index / blocks.length))).concat('/32');
  });
};
const addSingles =
  (regions, count, ...tags) =>
  (week) => {
    const all = regions.flatMap((region) => singlesOfCustomers(week, region, count / regions.length));
    for (const tag of tags) add(tag, ...all)(week);
  };
/** The /24 that a range begins in. */
const routed = ({ first }) => ({ family: 4, first: first - (first % 256n), length: 24 });
/**
 * Addresses of nobody in the feed, right beside those of Azure: each in another of the small gaps.
 * @param where which gaps, of the known addresses
 */
const beside = (week, count, length, where = () => true) => {
  const known = AddressSet.fromPrefixes(
    4,
    prefixesOf(week.values.flatMap(({ properties }) => properties.addressPrefixes)),
  );
  const size = 2n ** BigInt(32 - length);
  const gaps = [...known.complement().ranges()]
    .filter(({ first: start, last }) => last - start >= size && last - start < 4096n && start % size === 0n)
    .filter((gap) => where(known, gap));
  const step = Math.floor(gaps.length / count);
  return Array.from(
    { length: count },
    (_, index) => `${formatAddress(4, gaps[index * step].first)}/${length}`,
  );
};
const addBeside = (count, length, where) => (week) =>
  add('AzureCloud', ...beside(week, count, length, where))(week);
/** In a block that networks announce as a whole, of which Azure has a part. */
const besideInBlock = (known, gap) => known.intersects(AddressSet.fromPrefixes(4, [routed(gap)]));
/** In one of which it has nothing. */
const besideOutOfBlock = (known, gap) => !besideInBlock(known, gap);

/** Single addresses of customers in blocks that a service is in as well. */
const nearServices = (week, region, count) => {
  const services = AddressSet.fromPrefixes(
    4,
    prefixesOf(
      week.values
        .filter(({ name }) => !name.startsWith('AzureCloud'))
        .flatMap(({ properties }) => properties.addressPrefixes),
    ),
  );
  const isNear = (address) => {
    const block = address - (address % 2048n);
    return services.intersects(AddressSet.fromRanges(4, [{ first: block, last: block + 2047n }]));
  };
  return [
    ...AddressSet.fromPrefixes(4, prefixesOf(of(week, `AzureCloud.${region}`)))
      .difference(services)
      .ranges(),
  ]
    .map(({ first: start, last }) => start + (last - start) / 2n)
    .filter(isNear)
    .slice(0, count)
    .map((address) => `${formatAddress(4, address)}/32`);
};
const addNear =
  (count, ...tags) =>
  (week) => {
    const single = nearServices(week, 'westeurope', count);
    for (const tag of tags) add(tag, ...single)(week);
  };
/** Addresses of IPv6 that customers have, each in a subnet of its own. */
const addIpv6OfCustomers = (count, tag) => (week) => {
  const [block] = of(week, 'AzureCloud.westeurope').find(isIpv6).split('::');
  add(
    tag,
    ...Array.from({ length: count }, (_, index) => `${block}:${(index + 0x4000).toString(16)}::1/128`),
  )(week);
};

/** Gives tags some of the prefixes of another one. */
const addOf =
  (other, addresses, ...tags) =>
  (week) => {
    const blocks = chosen(of(week, other), addresses);
    for (const tag of tags) add(tag, ...blocks)(week);
  };
/** Takes all of a region but one prefix out of every tag that has it. */
const cutRegion = (region) => (week) => {
  const own = AddressSet.fromPrefixes(4, prefixesOf(of(week, `AzureCloud.${region}`)));
  cutEverywhere(week, own.cover().slice(1));
};
/** Gives a prefix of one part to another, in the whole cloud's parts as well. */
const movePart = (tag, part, other) => (week) => {
  const prefix = of(week, `${tag}.${part}`).find((one) => one.endsWith('/24'));
  const gone = AddressSet.fromPrefixes(4, [parsePrefix(prefix)]);
  for (const { name, properties } of week.values) {
    if (!/\./.test(name)) continue;
    const own = AddressSet.fromPrefixes(4, prefixesOf(properties.addressPrefixes));
    if (own.intersects(gone))
      properties.addressPrefixes = [
        ...own.difference(gone).coverTexts(),
        ...properties.addressPrefixes.filter(isIpv6),
      ];
  }
  add(`${tag}.${other}`, prefix)(week);
  add(`AzureCloud.${other.toLowerCase()}`, prefix)(week);
};

/** A second source that announces what the real week has, and nothing else. */
const announced = (week) => ({
  origins: {
    found: {
      name: 'AS8075',
      addresses: DualStackSet.fromPrefixes(
        week.values.flatMap(({ properties }) => properties.addressPrefixes).map(parsePrefix),
      ),
      asOf: '2025-07-23',
    },
    refuse: false,
    maximumDays: 14,
  },
});
const announcedOrRefused = (week) => ({ origins: { ...announced(week).origins, refuse: true } });

/** What is done to the week of 2025-07-21, the week before being in force. */
const BAD = [
  ...USED.flatMap((tag) => [
    [`${tag}: emptied`, set(tag, () => [])],
    [`${tag}: gone`, without(tag)],
    [`${tag}: every third prefix dropped`, drop(tag, 1 / 3)],
    [`${tag}: 1.0.0.0/12 added`, add(tag, '1.0.0.0/12')],
    [`${tag}: 16 × /12 of foreign space added`, add(tag, ...slices(96, 16, 12))],
    [`${tag}: 5,000 × IPv6 /32 added`, add(tag, ...ipv6(5000))],
    [`${tag}: 3ffe::/32 added`, add(tag, '3ffe::/32')],
    [`${tag}: 2d00::/32 added`, add(tag, '2d00::/32')],
    [`${tag}: 0.0.0.0/0 added`, add(tag, '0.0.0.0/0')],
    [`${tag}: 10.0.0.0/16 added`, add(tag, '10.0.0.0/16')],
    [
      `${tag}: the prefixes of AzureFrontDoor.Backend in its place`,
      (week) => set(tag, () => [...of(week, 'AzureFrontDoor.Backend')])(week),
    ],
  ]),
  [
    'AzureActiveDirectory: 29 % swapped to 6.0.0.0/8',
    all(first('AzureActiveDirectory', 40), add('AzureActiveDirectory', ...slices(6, 64, 24))),
  ],
  [
    'AzureActiveDirectory: 2,000 × /32 of a hoster added',
    add('AzureActiveDirectory', ...slices(45, 2000, 32)),
  ],
  ['AzureCloud: the whole of westeurope cut', isIn('westeurope')],
  ['AzureCloud: the whole of swedencentral cut', isIn('swedencentral')],
  [
    'AzureCloud: westeurope cut, and its regional tag gone',
    all(isIn('westeurope'), without('AzureCloud.westeurope')),
  ],
  [
    'AzureActiveDirectory: 200 addresses of other tenants',
    add('AzureActiveDirectory', ...slices(20, 200, 32)),
  ],
  ['AzureActiveDirectory: an IPv6 /48 of a hoster', add('AzureActiveDirectory', '2a01:4f8:1::/48')],
  ['AzureActiveDirectory: half of its IPv6 prefixes dropped', half('AzureActiveDirectory', isIpv6)],
  [
    'AzureActiveDirectory: 250 addresses swapped for those of a hoster',
    all(cut('AzureActiveDirectory', 250), add('AzureActiveDirectory', ...at('52.95.1.0', 250, 32))),
  ],
  ['AzureResourceManager: a /24 of a cloud next door', add('AzureResourceManager', '52.95.1.0/24')],
  ['ServiceBus: a /24 of a cloud next door', add('ServiceBus', '52.95.1.0/24')],
  ['ServiceBus: an IPv6 /48 of a hoster', add('ServiceBus', '2a01:4f8:1::/48')],
  [
    'AzureCloud and ServiceBus: the same /24 of a cloud next door',
    addToAll('52.95.1.0/24', 'AzureCloud', 'ServiceBus'),
  ],
  [
    'AzureCloud, Storage, Storage.WestEurope: the same /22 of a cloud next door',
    addToAll('52.95.0.0/22', 'AzureCloud', 'Storage', 'Storage.WestEurope'),
  ],
  [
    'Storage.WestEurope: a /19 of a cloud next door, and one own address taken out of AzureCloud',
    all(add('Storage.WestEurope', '52.95.0.0/19'), (week) => {
      const own = of(week, 'Storage.WestEurope').find((prefix) => of(week, 'AzureCloud').includes(prefix));
      set('AzureCloud', (list) => list.filter((prefix) => prefix !== own))(week);
    }),
  ],
  ['Storage.WestEurope: every fourth prefix dropped, Storage keeps them', drop('Storage.WestEurope', 1 / 4)],
  ['ServiceBus and EventHub: swapped', swapped('ServiceBus', 'EventHub')],
  ['AzureCloud: a /14 of a cloud next door', add('AzureCloud', '52.92.0.0/14')],
  ['AzureCloud: a /16 of a content network, in a /12 of nobody’s', add('AzureCloud', '13.32.0.0/16')],
  ['AzureCloud: an IPv6 /42 of a hoster', add('AzureCloud', '2a01:4f8::/42')],
  ['AzureCloud: sixty IPv6 /48 of a hoster', add('AzureCloud', ...hextets(60))],
  ['AzureCloud: 64 × /32 of a cloud next door', add('AzureCloud', ...at('52.95.0.0', 64, 32))],
  ['AzureCloud: 64 × /32 of others, right beside its own', addBeside(64, 32)],
  ['AzureCloud: 64 × /31 of others, right beside its own', addBeside(64, 31)],
  ['AzureCloud: 100 × /24 of others, right beside its own', addBeside(100, 24)],
  ['AzureCloud: a /31 of others, in a /24 beside its own', addBeside(1, 31, besideOutOfBlock)],
  ['AzureCloud: 5 × /28 of others, in a /24 each beside its own', addBeside(5, 28, besideOutOfBlock)],
  ['AzureCloud: 8 × /31 in the gaps of blocks /24 that are its own in part', addBeside(8, 31, besideInBlock)],
  ['AzureCloud: 8 × /24 of others, right beside its own', addBeside(8, 24)],
  [
    'AzureCloud: a /24 of others, right beside its own, with `origins` configured',
    addBeside(1, 24),
    NEXT,
    announced,
  ],
  ['the same, with `origins` and `refuse: true`', addBeside(1, 24), NEXT, announcedOrRefused],
  [
    'AzureCloud and ServiceBus: 20 × /29 of others, right beside those of Azure',
    (week) => {
      for (const prefix of beside(week, 20, 29)) addToAll(prefix, 'AzureCloud', 'ServiceBus')(week);
    },
  ],
  [
    'AzureCloud and ServiceBus: 5 × /31 of others, right beside those of Azure',
    (week) => {
      for (const prefix of beside(week, 5, 31)) addToAll(prefix, 'AzureCloud', 'ServiceBus')(week);
    },
  ],
  ['AzureCloud: two addresses of public resolvers', add('AzureCloud', '8.8.8.8/32', '1.1.1.1/32')],
  ['AzureCloud: a /17 in a /13 that it is in becomes all of it', swallow('AzureCloud', 13)],
  [
    'AzureCloud and its regions: 0.9 % dropped',
    (week) => {
      const gone = new Set(chosen(of(week, 'AzureCloud'), 420_000));
      for (const { name, properties } of week.values)
        if (name.split('.')[0] === 'AzureCloud')
          properties.addressPrefixes = properties.addressPrefixes.filter((prefix) => !gone.has(prefix));
    },
  ],
  [
    'AzureCloud: norwayeast cut in IPv6, and in its regional tag',
    (week) => {
      const own = new Set(of(week, 'AzureCloud.norwaye').filter(isIpv6));
      for (const tag of ['AzureCloud', 'AzureCloud.norwaye'])
        set(tag, (list) => list.filter((prefix) => !own.has(prefix)))(week);
    },
  ],
  [
    'AzureCloud: swedencentral cut, and the region of its tag emptied',
    all(isIn('swedencentral'), (week) => {
      week.values.find(({ name }) => name === 'AzureCloud.swedencentral').properties.region = '';
    }),
  ],
  [
    'AzureCloud: swedencentral cut, and its regional tag renamed',
    all(isIn('swedencentral'), (week) => {
      const tag = week.values.find(({ name }) => name === 'AzureCloud.swedencentral');
      tag.name = tag.id = 'AzureCloudOld.swedencentral';
    }),
  ],
  ['an unselected tag: 1.0.0.0/12', add('AzureMonitor', '1.0.0.0/12')],
  ['an unselected tag: 16 × /12 of foreign space', add('AzureMonitor', ...slices(96, 16, 12))],
  ['an unselected tag: 5,000 × IPv6 /32', add('AzureMonitor', ...ipv6(5000))],
  ['an unselected tag: NAT64', add('AzureMonitor', '64:ff9b::/96')],
  ['…_Latest with a changeNumber of a milliard', (week) => (week.changeNumber = 1e9), 'Latest'],
  ['AzureCloud: a /15 in a /8 of nobody’s', add('AzureCloud', '1.0.0.0/15')],
  ['AzureCloud: a /16 of a public resolver', add('AzureCloud', '8.8.0.0/16')],
  [
    'Storage.WestEurope: fifty addresses of customers of its region',
    addCustomers('westeurope', 50, 32, 'Storage.WestEurope'),
  ],
  [
    'Storage and Storage.WestEurope: two /24 of customers of brazilsouth',
    addCustomers('brazilsouth', 2, 24, 'Storage', 'Storage.WestEurope'),
  ],
  [
    'Storage.WestEurope: a block of Storage.BrazilSouth',
    (week) =>
      add(
        'Storage.WestEurope',
        of(week, 'Storage.BrazilSouth').find((prefix) => !isIpv6(prefix) && sizeOf(prefix) <= 512),
      )(week),
  ],
  [
    'AzureResourceManager: a quarter of its prefixes dropped, in every tag',
    (week) => {
      const own = prefixesOf(of(week, 'AzureResourceManager'));
      cutEverywhere(week, own.slice(0, Math.floor(own.length / 4)));
    },
  ],
  [
    'AzureCloud: 60,000 addresses dropped, in every tag',
    (week) => cutEverywhere(week, prefixesOf(chosen(of(week, 'AzureCloud'), 60_000))),
  ],
  [
    'ServiceBus: 5 % more, single addresses of customers',
    addSingles(['westeurope', 'eastus'], 1378, 'ServiceBus'),
  ],
  [
    'ServiceBus: twelve single addresses of customers',
    addSingles(['westeurope', 'eastus'], 12, 'ServiceBus'),
  ],
  ['ServiceBus: ten single addresses of customers, beside services', addNear(10, 'ServiceBus')],
  [
    'Storage and Storage.WestEurope: ten single addresses of customers, beside services',
    addNear(10, 'Storage', 'Storage.WestEurope'),
  ],
  ['ServiceBus: 500 IPv6 /128 of customers', addIpv6OfCustomers(500, 'ServiceBus')],
  ['AzureActiveDirectory: ten IPv6 /128 of customers', addIpv6OfCustomers(10, 'AzureActiveDirectory')],
  [
    'ServiceBus: 5 % more, out of AppService, where customers run programs',
    addOf('AppService', 1378, 'ServiceBus'),
  ],
  [
    'Storage.WestEurope: 128 addresses of AppService, as Storage',
    addOf('AppService.WestEurope', 128, 'Storage', 'Storage.WestEurope'),
  ],
  ['ServiceBus: a /24 of customers of westeurope', addCustomers('westeurope', 1, 24, 'ServiceBus')],
  [
    'AzureResourceManager: 100 × /29 of customers of eastus',
    addCustomers('eastus', 100, 29, 'AzureResourceManager'),
  ],
  [
    'Storage and Storage.WestEurope: fifty addresses of customers of westeurope',
    addSingles(['westeurope'], 50, 'Storage', 'Storage.WestEurope'),
  ],
  [
    'Storage and Storage.WestEurope: a /26 of customers of westeurope',
    addCustomers('westeurope', 1, 26, 'Storage', 'Storage.WestEurope'),
  ],
  [
    'Storage.WestEurope: a /24 dropped, in every tag',
    (week) =>
      cutEverywhere(week, [parsePrefix(of(week, 'Storage.WestEurope').find((one) => one.endsWith('/24')))]),
  ],
  [
    'Storage.WestEurope: a /24 moved to NorthEurope, in every tag',
    movePart('Storage', 'WestEurope', 'NorthEurope'),
  ],
  ['AzureCloud: the small brazilse cut to one prefix, in every tag', cutRegion('brazilse')],
  ['AzureCloud: the small norwayw cut to one prefix, in every tag', cutRegion('norwayw')],
  ['AzureCloud: the virtual address of the host, 168.63.129.16', add('AzureCloud', '168.63.129.16/32')],
  ['an unselected tag: 168.63.129.16', add('AzureMonitor', '168.63.129.16/32')],
  [
    'AzureActiveDirectory: eight single addresses of customers',
    addSingles(['westeurope'], 8, 'AzureActiveDirectory'),
  ],
  ['AzureActiveDirectory: 500 IPv6 /128 of a hoster', add('AzureActiveDirectory', ...hosts(500))],
  ['ServiceBus: half an IPv6 /64 of a hoster', add('ServiceBus', '2a01:4f8:1::/65')],
  ['AzureCloud: the metadata address of a cloud next door', add('AzureCloud', '100.100.100.200/32')],
  ['a file of next week but one', () => undefined, '20250806'],
  ['an unselected tag: 0.0.0.0/0', add('AzureMonitor', '0.0.0.0/0')],
  ['an unselected tag: 192.168.0.0/16', add('AzureMonitor', '192.168.0.0/16')],
  ['an unselected tag: 2d00::/32', add('AzureMonitor', '2d00::/32')],
  ['half of the file', (week) => week.values.splice(0, Math.floor(week.values.length / 2))],
  ['a file of 2099', () => undefined, '20990105'],
  ['a file of last month', () => undefined, '20250616'],
  ['…_Latest with a lower changeNumber', (week) => (week.changeNumber -= 10), 'Latest'],
];

/** What a first run is given: nothing is in force that the feed could be compared with. */
const FIRST_RUNS = [
  ['the week as it was published', () => undefined],
  ['AzureCloud: 1.0.0.0/12 added', add('AzureCloud', '1.0.0.0/12')],
  ['AzureCloud: 16 × /12 of foreign space added', add('AzureCloud', ...slices(96, 16, 12))],
  ['an unselected tag: 16 × /12 of foreign space', add('AzureDatabricks', ...slices(96, 16, 12))],
  ['AzureCloud: 5,000 × IPv6 /32 added', add('AzureCloud', ...ipv6(5000))],
  ['AzureCloud: 4 × /12 of a cloud next door', add('AzureCloud', ...at('52.32.0.0', 4, 12))],
  ['AzureCloud: a /24 of a cloud next door', add('AzureCloud', '52.95.1.0/24')],
];
const isoOf = (date) => `${date.slice(0, 4)}-${date.slice(4, 6)}-${date.slice(6)}`;

/** What is done again every week, for ten weeks. */
const CHAINS = [
  [
    'a tag of no rule gains a /24 of a cloud next door, AzureCloud the week after',
    (week, step) => add(step === 1 ? 'AzureMonitor' : 'AzureCloud', '52.95.1.0/24')(week),
  ],
  [
    'AzureActiveDirectory swaps 8 addresses for those of a hoster',
    (week, step) =>
      all(
        cut('AzureActiveDirectory', 8 * step),
        add('AzureActiveDirectory', ...at('45.0.0.0', 8 * step, 32)),
      )(week),
  ],
  [
    'ServiceBus gains eight single addresses of customers',
    (week, step) => addSingles(['westeurope'], 8 * step, 'ServiceBus')(week),
  ],
  [
    'ServiceBus gains two single addresses of customers, beside services',
    (week, step) => addNear(2 * step, 'ServiceBus')(week),
  ],
  [
    'Storage.WestEurope loses a /25, in every tag',
    (week, step) =>
      cutEverywhere(
        week,
        of(week, 'Storage.WestEurope')
          .filter((one) => one.endsWith('/24'))
          .slice(0, step)
          .map((one) => parsePrefix(one.replace('/24', '/25'))),
      ),
  ],
  [
    'AzureActiveDirectory gains eight single addresses of customers',
    (week, step) => addSingles(['westeurope'], 8 * step, 'AzureActiveDirectory')(week),
  ],
  [
    'AzureActiveDirectory gains 10 addresses of a hoster',
    (week, step) => add('AzureActiveDirectory', ...at('45.9.1.0', 10 * step, 32))(week),
  ],
  [
    'Storage.WestEurope gains a /24 of customers of brazilsouth',
    (week, step) => addCustomers('brazilsouth', step, 24, 'Storage', 'Storage.WestEurope')(week),
  ],
  [
    'AzureCloud loses 60,000 addresses, in every tag',
    (week, step) => cutEverywhere(week, prefixesOf(chosen(of(week, 'AzureCloud'), 60_000 * step))),
  ],
  [
    'ServiceBus swaps 10 % for others of AzureCloud',
    (week, step) =>
      all(
        set('ServiceBus', (list) => list.slice(Math.ceil(list.length * 0.1 * step))),
        add('ServiceBus', ...at('20.50.0.0', 11 * step, 24)),
      )(week),
  ],
  [
    'AzureCloud doubles',
    (week, step) =>
      add('AzureCloud', ...slices(96 + step, 12 * 2 ** step > 16 ? 16 : 12 * 2 ** step, 12))(week),
  ],
  [
    'AzureCloud gains 4 × /12 of known /8s',
    (week, step) => add('AzureCloud', ...slices(20, 16, 12).slice(0, 4 * step))(week),
  ],
  ['AzureCloud gains a /16 of a new /8', (week, step) => add('AzureCloud', ...slices(96, step, 16))(week)],
  [
    'AzureActiveDirectory loses 29 %',
    (week, step) =>
      set('AzureActiveDirectory', (list) => list.slice(0, Math.ceil(list.length * 0.71 ** step)))(week),
  ],
  [
    'AzureActiveDirectory loses one prefix',
    (week, step) => set('AzureActiveDirectory', (list) => list.slice(step))(week),
  ],
  [
    'ServiceBus loses 25 %',
    (week, step) => set('ServiceBus', (list) => list.slice(0, Math.ceil(list.length * 0.75 ** step)))(week),
  ],
  [
    'AzureCloud loses 1.5 %',
    (week, step) => set('AzureCloud', (list) => list.slice(0, Math.ceil(list.length * 0.985 ** step)))(week),
  ],
  [
    'Storage.WestEurope grows by a half',
    (week, step) => add('Storage.WestEurope', ...slices(20, Math.ceil(20 * 1.5 ** step), 22))(week),
  ],
];

/** The first reason of a verdict, in short. */
const reasonIn = (text) =>
  text
    .replace('Review required: ', '')
    .split('; ')[0]
    .replace(/\. The largest .*$/s, '')
    .slice(0, 140);

/** The rows of both tables. */
export async function badWeeks(directory) {
  const texts = new Map();
  const weekOf = (date, change, name = date) => {
    const path = join(resolve(directory), `ServiceTags_Public_${date}.json.gz`);
    const text = texts.get(path) ?? gunzipSync(readFileSync(path)).toString();
    texts.set(path, text);
    const week = JSON.parse(text);
    change(week);
    const file = `ServiceTags_Public_${name}.json`;
    const snapshot = parseServiceTags(JSON.stringify(week), file, 'public');
    return {
      snapshot,
      source: { kind: 'file', name: file, fileDate: snapshot.fileDate, size: 0, sha256: '0'.repeat(64) },
    };
  };
  const config = parseConfig(JSON.stringify(CONFIGURATION), join(root, 'allowlist.yaml'));
  const request = {
    config,
    tables: (await loadTables(config)).tables,
    targets: await loadTargets(config),
    accept: [],
  };
  const run = (feed, baseline, today, more = {}) => planRun({ ...request, feed, baseline, today, ...more });
  const treeOf = async (plan) => baselineOf(await readOutputTree(filesReader('in force', plan.files)));
  const inForce = await treeOf(
    run(
      weekOf(WEEK, () => undefined),
      await baselineOf(undefined),
      '2025-07-14',
    ),
  );

  const outcome = (make, baseline, today, more = {}) => {
    try {
      const plan = run(make(), baseline, today, more);
      return {
        plan,
        said: plan.unchanged ? 'no device sees it' : verdict(plan.review).level,
        text: verdict(plan.review).text,
      };
    } catch (error) {
      if (!(error instanceof AllowlistError)) throw error;
      const refusing = [
        ...new Set(
          (error.findings ?? []).filter((one) => one.outcome === 'refused').map(({ guard }) => guard),
        ),
      ];
      return {
        said:
          refusing.length > 0
            ? `refused by ${refusing.join(', ')}`
            : `refused: ${error.message.split('\n')[0].slice(0, 80)}`,
      };
    }
  };
  const rows = BAD.map(([title, change, name, more]) => {
    let beside = {};
    if (more !== undefined)
      weekOf(NEXT, (week) => {
        beside = more(week);
      });
    const { said, text } = outcome(() => weekOf(NEXT, change, name ?? NEXT), inForce, '2025-07-24', beside);
    return [title, said === 'look' ? `look: ${reasonIn(text)}` : said];
  });
  const chains = [];
  for (const [title, change] of CHAINS) {
    let baseline = inForce;
    let said;
    let looks = 0;
    const unseen = { weeks: 0, noted: 0 };
    for (let step = 1; step <= 10; step++) {
      const date = addDays('2025-07-14', 7 * step);
      const found = outcome(
        () => weekOf(WEEK, (week) => change(week, step), date.replaceAll('-', '')),
        baseline,
        date,
      );
      if (found.plan === undefined) {
        said = `week ${step} ${found.said}`;
        break;
      }
      if (found.said === 'look') looks++;
      if (found.plan.unchanged) {
        unseen.weeks++;
        if (found.plan.findings.some(({ look }) => look === true)) unseen.noted++;
      }
      if (!found.plan.unchanged) baseline = await treeOf(found.plan);
    }
    chains.push([
      title,
      said ??
        `ten weeks pass, ${looks} of them ${looks === 1 ? 'asks' : 'ask'} for a look${
          unseen.weeks > 0
            ? `; no device sees ${unseen.weeks}, of which a guard notes ${unseen.noted === 0 ? 'none' : unseen.noted}`
            : ''
        }`,
    ]);
  }
  const nothing = await baselineOf(undefined);
  const figures = { knownFigures: await loadKnownFigures('public') };
  const firstRuns = FIRST_RUNS.map(([title, change]) => [
    title,
    ...['20250721', '20261116'].map((date) => {
      const { plan, said } = outcome(
        () => weekOf(NEXT, change, date),
        nothing,
        addDays(isoOf(date), 3),
        figures,
      );
      if (plan === undefined) return said;
      const note = plan.findings.find(({ guard, look }) => guard === 'new-space' && look);
      return note === undefined ? 'passes' : `look: ${note.message.slice(0, 100)}`;
    }),
  ]);
  return { rows, chains, firstRuns };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { rows, chains, firstRuns } = await badWeeks(process.argv[2]);
  for (const [title, ...said] of [...rows, ...chains, ...firstRuns])
    console.log(`${title.padEnd(75)} ${said.join(' | ')}`);
  console.log(`${rows.length} weeks, ${chains.length} chains of ten`);
}
