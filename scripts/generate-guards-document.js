// Writes docs/guards.md from replays of an archive of weekly files: `npm run guards-document -- DIR`, where DIR
// has the folders public, usgov and china. Takes some minutes.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startMeter } from '../dist/cli/meter.js';
import { loadConfig } from '../dist/config/load.js';
import { daysBetween } from '../dist/feed/file-date.js';
import { loadKnownFigures } from '../dist/feed/known-space.js';
import { loadTargets } from '../dist/job.js';
import { GUARDS } from '../dist/policy/guards/judge.js';
import { DEFAULT_LIMITS as limits } from '../dist/policy/guards/limits.js';
import { percentOf } from '../dist/policy/guards/percent.js';
import { totalsOf } from '../dist/policy/totals.js';
import { loadTables } from '../dist/products.js';
import { replay } from '../dist/replay/replay.js';
import { churnTable, guardCells, markdownTable, replaySummary } from '../dist/replay/report.js';
import { weeklyFiles } from '../dist/replay/weekly-files.js';
import { badWeeks } from './bad-weeks.js';

const archive = process.argv[2];
if (archive === undefined) throw new Error('usage: npm run guards-document -- DIR');

/** Weeks more days apart than this are no weekly step. */
const HOLE = 35;
/** The one week that was wrong. */
const WRONG = '2022-05-09';

const configOf = (cloud) => loadConfig(new URL(`../data/replay/${cloud}.yaml`, import.meta.url).pathname);

async function run(title, cloud, { add = [], to = '9', ...options } = {}) {
  const { weeks } = await weeklyFiles(join(archive, cloud), () => cloud);
  const config = await configOf(cloud);
  const [first, ...rest] = config.rules;
  const rules = [{ ...first, serviceTags: [...first.serviceTags, ...add] }, ...rest];
  const done = [];
  for await (const week of replay({
    config: { ...config, rules },
    tables: (await loadTables(config)).tables,
    knownFigures: await loadKnownFigures(cloud),
    targets: await loadTargets(config),
    weeks: weeks.filter(({ date }) => date <= to),
    accept: [],
    everyTag: false,
    measure: startMeter,
    ...options,
  }))
    done.push(week);
  console.error(`${title}: ${replaySummary(done)[0]}`);
  return { title, weeks: done };
}

/** The most that lawful steps of a week did, to set the defaults beside. */
async function extremes() {
  const { weeks } = await weeklyFiles(join(archive, 'public'), () => 'public');
  const most = {};
  const note = (what, value, text) => {
    if (most[what] === undefined || value > most[what].value) most[what] = { value, text };
  };
  let before;
  for (const { date, load } of weeks) {
    if (date === WRONG) continue;
    const { snapshot } = await load();
    const totals = totalsOf(snapshot);
    if (before !== undefined && daysBetween(before.date, date) <= HOLE) {
      const space = percentOf(
        before.totals.ipv4Addresses - totals.ipv4Addresses,
        before.totals.ipv4Addresses,
      );
      note('feedSpace', space, `${space.toFixed(2)} % (${date})`);
      const listed = percentOf(
        BigInt(before.totals.prefixes - totals.prefixes),
        BigInt(before.totals.prefixes),
      );
      note('feedPrefixes', listed, `${listed.toFixed(2)} % (${date})`);
      const floor =
        before.totals.ipv4Addresses / 10_000n < 2048n ? before.totals.ipv4Addresses / 10_000n : 2048n;
      for (const { name, prefixes, addresses } of snapshot.tags.values()) {
        for (const { length, family } of prefixes)
          note(`broad${family}`, -length, `/${length} (${name}, ${date})`);
        const old = before.snapshot.tags.get(name)?.addresses;
        if (old === undefined || prefixes.length === 0) continue;
        const lost = old.ipv4.difference(addresses.ipv4).size;
        const percent = percentOf(lost, old.ipv4.size);
        if (percent > limits.tagShrinkPercent)
          note('smallLoss', lost, `${lost} addresses (${name}, ${percent.toFixed(1)} %, ${date})`);
        if (lost >= floor / 2n)
          note('largeLoss', percent, `${percent.toFixed(1)} % (${name}, ${lost} addresses, ${date})`);
        if (old.ipv4.isEmpty) continue;
        const times = percentOf(addresses.ipv4.size, old.ipv4.size) / 100;
        const both = Math.min(times, addresses.ipv4.coverCount / old.ipv4.coverCount);
        note('times', times, `${times.toFixed(1)} times (${name}, ${date})`);
        note('both', both, `${both.toFixed(1)} times (${name}, ${date})`);
        const gained = addresses.ipv4.difference(old.ipv4).size;
        const share = percentOf(gained, before.totals.ipv4Addresses);
        if (gained > old.ipv4.size) note('gain', share, `${share.toFixed(2)} % (${name}, ${date})`);
      }
    }
    before = { date, snapshot, totals };
  }
  return Object.fromEntries(Object.entries(most).map(([what, { text }]) => [what, text]));
}

/** Consecutive weeks of which the guards say the same are one row. */
function condensed({ weeks }) {
  const rows = [];
  for (const week of weeks) {
    const cells = guardCells(week);
    const quiet = cells.every((cell) => cell === '·' || cell === '');
    const last = rows.at(-1);
    if (quiet && last?.quiet) Object.assign(last, { to: week.date, count: last.count + 1 });
    else rows.push({ quiet, from: week.date, to: week.date, count: 1, outcome: week.outcome, cells });
  }
  return markdownTable({
    title: '',
    header: ['weeks', 'outcome', ...GUARDS.map(({ name }) => name)],
    rows: rows.map(({ quiet, from, to, count, outcome, cells }) => [
      count === 1 ? from : `${from} … ${to} (${count})`,
      quiet ? 'published or unchanged' : outcome,
      ...cells,
    ]),
    right: [],
  });
}

const said = ({ weeks }, keep) =>
  weeks
    .flatMap(({ date, findings }) => findings.map((finding) => ({ date, ...finding })))
    .filter(keep)
    .map(({ date, outcome, guard, message }) => `- ${date} ${outcome}: ${guard}: ${message}`)
    .join('\n');

// The largest growth of the archive, and the first file after a hole of 399 days: accepted, or nothing after them would
// be judged.
const DEFENDED = ['2022-10-17:new-space', '2025-02-17:new-space'];
const connector = await run('the connector, Service Bus, Storage.WestEurope', 'public', { accept: DEFENDED });
const lake = await run('the same and AzureDataLake', 'public', {
  add: ['AzureDataLake'],
  accept: DEFENDED,
  // The targets are the first replay's business.
  targets: [],
});
const accepted = await run('the same, 2022-05-09 accepted', 'public', {
  add: ['AzureDataLake'],
  accept: ['tag-growth'],
  to: '2022-05-16',
  targets: [],
});
const every = await run('every service tag', 'public', {
  everyTag: true,
  longestGap: HOLE,
  accept: DEFENDED,
});
const bad = await badWeeks(join(archive, 'public'));
const others = [];
for (const cloud of ['usgov', 'china']) {
  others.push(await run(`${cloud}: the connector's tags, Service Bus, Storage`, cloud));
  others.push(await run(`${cloud}: every service tag`, cloud, { everyTag: true }));
}
const most = await extremes();
const figures = Object.fromEntries(
  await Promise.all(
    ['public', 'usgov', 'china'].map(async (cloud) => {
      const { files, asOf } = await loadKnownFigures(cloud);
      return [cloud, `${files} files up to ${asOf}`];
    }),
  ),
);

const count = (weeks, outcome, guard) =>
  weeks.filter(({ findings }) =>
    findings.some(
      (finding) => finding.outcome === outcome && (guard === undefined || finding.guard === guard),
    ),
  ).length;
const replays = markdownTable({
  title: '',
  header: ['replay', 'weeks', 'refused', 'with notes', 'a selected tag vanished or was emptied'],
  rows: [connector, lake, every, ...others].map(({ title, weeks }) => [
    title,
    String(weeks.length),
    String(weeks.filter(({ outcome }) => outcome === 'refused').length),
    String(count(weeks, 'noted')),
    String(
      weeks.filter(({ findings }) =>
        findings.some(({ guard, outcome }) => /^tag-(missing|empty)$/.test(guard) && outcome !== 'passed'),
      ).length,
    ),
  ]),
  right: [1, 2, 3, 4],
});

const guards = markdownTable({
  title: '',
  header: ['guard', 'refuses', 'key and default under `guards`', 'the most that a lawful week did'],
  rows: [
    [
      'feed-schema',
      'what is no feed of the cloud asked for: not JSON, another cloud, a malformed, non-canonical or repeated prefix (exit status 4; cannot be accepted)',
      '',
      '',
    ],
    [
      'feed-rollback',
      'a file older than the one in force, an earlier edition of it, or a lower changeNumber, or one over 1,000 higher, without a date; another cloud',
      '',
      '',
    ],
    [
      'feed-stale',
      'a file older than the configured days; without the key it is noted after 30 days (public) or 60 (others)',
      '`feed-stale.days`: none',
      '',
    ],
    [
      'feed-shrink',
      'a loss of IPv4 space of the whole feed',
      `\`feed-shrink.percent\`: ${limits.feedShrinkPercent}`,
      most.feedSpace,
    ],
    [
      'feed-shrink',
      'fewer published prefixes in the whole feed: half a file',
      `\`feed-shrink.prefixPercent\`: ${limits.feedShrinkPrefixPercent}`,
      most.feedPrefixes,
    ],
    [
      'feed-quarantine',
      'nothing: what is wrong in service tags that no rule uses is noted: a name or a label beyond the schema, a prefix in another spelling. In a tag that a rule uses, or in over 20 tags, it is no feed (exit status 4)',
      '',
      'none',
    ],
    ['tag-missing', 'a configured tag that the feed lacks', '`rules[].serviceTags`', ''],
    ['tag-empty', 'a configured tag without prefixes', '`rules[].serviceTags`', ''],
    [
      'tag-shrink',
      "a loss of a configured tag's IPv4 space",
      `\`tag-shrink.percent\`: ${limits.tagShrinkPercent}`,
      `${most.largeLoss}, of losses of half the least or more`,
    ],
    [
      'tag-shrink',
      'that, if it is at least so many addresses; a smaller loss is noted',
      '`tag-shrink.addresses`: one ten-thousandth of the feed, 64 to 2,048',
      `${most.smallLoss}, of losses over ${limits.tagShrinkPercent} %`,
    ],
    [
      'tag-shrink',
      'a smaller loss by which a rule loses so much of its space',
      `\`tag-shrink.rulePercent\`: ${limits.tagShrinkRulePercent}`,
      'AzureDataLake alone 37.35 % (2022-05-16)',
    ],
    [
      'tag-shrink',
      'a loss of IPv6 space of more than a /64 or of 16 prefixes and more',
      `\`tag-shrink.ipv6Percent\`: ${limits.tagShrinkIpv6Percent}`,
      '50 % (Storage.*, a /48 became a /49, in holes of the archive)',
    ],
    [
      'tag-growth',
      'a configured tag whose space and whose fewest prefixes both multiply; IPv6 from 16 prefixes on',
      `\`tag-growth.factor\`: ${limits.tagGrowthFactor}`,
      `${most.both}; in space alone ${most.times}`,
    ],
    [
      'tag-growth',
      "a step that more than doubles a tag and gains so much of the whole feed's IPv4 space",
      `\`tag-growth.percent\`: ${limits.tagGrowthPercent}`,
      most.gain,
    ],
    [
      'special-use',
      'private, loopback, documentation, multicast and other special ranges, and 168.63.129.16, the host’s side of every virtual machine of Azure',
      '`special-use.allow`: none',
      'none',
    ],
    [
      'too-broad',
      'a prefix broader than any lawful one',
      `\`too-broad.ipv4\`: ${limits.shortestIpv4}, \`too-broad.ipv6\`: ${limits.shortestIpv6}`,
      `${most.broad4}, ${most.broad6}`,
    ],
    [
      'date-ahead',
      'a file of a day to come, which would keep every real week out; from 8 days on it asks for a look',
      `\`date-ahead.days\`: ${limits.dateAheadDays}`,
      'none',
    ],
    [
      'feed-absurd',
      'a tag that no rule selects with a prefix broader than any lawful one, or with space of nobody',
      '',
      'none',
    ],
    [
      'tag-precedent',
      'a tag of 1,048,576 IPv4 addresses or more that loses or gains more than such tags do, IPv6 from 10 % lost on; AzureActiveDirectory from 256 gained or 1,024 lost addresses or a /48 on. What no lawful week did asks for a look, and so does a step four times as large as any that is remembered of the tag, from 1,024 addresses on, or a loss of over 5 %, from 64 addresses on, that no other tag in use has; of AzureCloud over 0.07 %. A look as well: over 10 single addresses in a tag of blocks; over 2 addresses that were AzureCloud’s before, where no service has any in the same /21; over 2 addresses of another service (64 for a part), and over a quarter of what the tag shares; over 2 single addresses that were AzureCloud’s before and no service’s, beside a service too (AzureActiveDirectory: 10), and over 2 prefixes of IPv6 in a /64 without a service; over 2 new single addresses of AzureCloud, over 5 of a service; over 32 new blocks of one length of AzureCloud, over 16 of a service; 8 or fewer addresses in a /24 where no tag had any, and over 4 such blocks that are gained in part; small ranges in over 7 different /16; over 128 addresses that a part of 4,096 or more loses',
      `\`tag-precedent.lossPercent\`: ${limits.precedentLossPercent}, \`tag-precedent.gainPercent\`: ${limits.precedentGainPercent}`,
      'loses 0.18 % (2022-07-25), of IPv6 0.37 % (2025-07-07), gains 16.9 % (2022-10-17); AzureActiveDirectory gains 10, loses 128; new blocks of one length: AzureCloud 23 (2025-07-28), Sql 12 (2022-10-24); parts of a /24 where no tag had any: 4 (2025-08-11), of 8 addresses or fewer one or two in 8 of 58 steps; small ranges in 6 different /16 (2025-07-21); of the tags of these replays’ rules none of the other kinds',
    ],
    [
      'region-lost',
      'addresses that leave a global tag while a part of it still has them; that leave a regional tag while the global tag still has them and no other region; over 4,096 that leave a global tag as a regional tag of it vanishes; over half of a region, and over 1,024, that leave it and the global tag, over 5 % and 256 ask for a look',
      '',
      'none; none; 112 (AzureUpdateDelivery, 2025-07-07); 3.9 % (AzureCloud.southafricawest, 2025-06-16) of over 1,024',
    ],
    [
      'cross-tag',
      'a tag inside AzureCloud that gains over 4,096 IPv4 addresses, or over a /64, outside of it, and a part of a tag that gains as many outside of the whole tag or of its region; fewer ask for a look, and so do the first that AzureActiveDirectory gains outside',
      '',
      '4,096 (WindowsVirtualDesktop, 2022-12-05); less than a /64 (AzureIoTHub, 2022-07-04)',
    ],
    [
      'drift',
      'a tag of 4,096 IPv4 addresses or more against the weeks that were accepted 28, 91 and 364 days back: 45, 50, 60 % less, or so much lost and replaced in all, or 16, 24, 32 times as much; from 1,048,576 addresses on 3, 5, 10 % or 1.5, 2, 3 times; AzureActiveDirectory 512, 2,048, 8,192 gained or 1,536, 3,072, 8,192 lost; the third step in 35 days by which a tag under 1,048,576 addresses gains 10 or fewer, or loses any, asks for a look',
      '',
      'none; of the tags of these replays’ rules two such steps in 35 days at most (2025-08-04)',
    ],
    [
      'broader',
      'a prefix in the place of narrower ones that lets over 262,144 IPv4 addresses or 1,048,576 /64 in that no tag had; over 32,768 or 131,072 ask for a look',
      '',
      '32,768 (often: a /17 becomes a /16); 131,072 /64 (AzureFrontDoor.Frontend, 2022-10-24)',
    ],
    [
      'new-space',
      'addresses that no tag of a feed that was in force had, in 28 days, gained by the tags in use or by the others: in all, in a /8 where there was nothing, in IPv6; where the tree remembers no space, beyond the figures of the weekly files (see below); over 131,072 IPv4 addresses or 268,435,456 /64 that endpoint sets in force gain and neither a set nor a service tag had: any gain of that kind asks for a look',
      `\`new-space.addresses\`: ${limits.newSpaceAddresses}, \`new-space.farAddresses\`: ${limits.newSpaceFarAddresses}, \`new-space.ipv6Networks\`: ${limits.newSpaceIpv6Networks}`,
      '3,092,526 (2022-10-03); 98,304 but for 2,719,744 on 2022-10-17; 15,532,036 /64 (2025-08-04)',
    ],
    [
      'origins',
      'addresses that the tags in use gain and that no network of `origins.asns` announces, where `origins.refuse` is set; otherwise noted, and the verdict asks for a look. While the list cannot be fetched, only space that no tag of a feed that was in force had is held back',
      '`origins`: none',
      '',
    ],
    [
      'unallocated',
      'IPv6 space that IANA has given to nobody, by a list in `src/policy/guards/allocated.ts` with its date; `node scripts/compare-allocated.js FILE` says what a newer copy of [the registry](https://www.iana.org/assignments/ipv6-unicast-address-assignments/ipv6-unicast-address-assignments.csv) has beyond it',
      '',
      'none',
    ],
    [
      'm365-rollback',
      'a version of the Microsoft 365 endpoints older than the one in force, or of a day to come (as `date-ahead`)',
      '',
      '',
    ],
    [
      'm365-set',
      'an endpoint set in force that is withdrawn, has no names any more, loses more than half of four or more, swaps all or more than doubles them, or asks for a port that no set had',
      '',
      '',
    ],
    [
      'broad-name',
      'a name that no rule in force has: all of a public suffix or of a top-level domain that does not exist, a name without a dot, letters beyond ASCII; from an endpoint set also all of a domain that anybody can get a name below (elsewhere noted)',
      '',
      '',
    ],
    ['lock-edited', 'a lock that is not as a run wrote it: the other guards compare with it', '', ''],
    ['empty-policy', 'a rule that allows nothing', '', ''],
    [
      'constraints',
      'published addresses outside `constraints.within`, where they are not to be cut out; what `constraints.never` names is cut out always, and a target that would let it through cannot be accepted',
      '`constraints.outside`: cut',
      '',
    ],
    [
      'must-have',
      'a target through which something is not reachable that `require` names, or that loses sign-in addresses which the endpoint tables bring',
      '`require`: none',
      'none',
    ],
    [
      'target-limit',
      'more entries, bytes or names than the vendor takes (cannot be accepted)',
      '`targets.ID.budget`',
      '',
    ],
    ['read-back', 'rule files that do not say exactly what the policy says (cannot be accepted)', '', ''],
  ],
  right: [],
});

const document = `# Guards

A guard is a check between compare and render that can refuse a run; the previous output stands, exit status 3. A
refusal says the guard, the figures, the key of the limit, what each device would get, what to check, and the flag
that accepts it once:
\`azure-allowlist run --accept tag-shrink\`. What was accepted stands in \`allowlist.lock.json\` (\`acceptances\`) and in
\`REVIEW.md\`. A note refuses nothing. A guard that had nothing to compare says
*not judged* and why, never *passed*.

This document is generated: \`npm run guards-document -- DIR\`, where DIR holds Microsoft's weekly files in the folders
\`public\`, \`usgov\` and \`china\`. \`npm run replay -- DIR/public\` prints the whole tables of one replay, week by week.

## The guards

${guards}

## Dates and change numbers

- The date in the file's name decides. An older file is refused even with the same content: the source went back.
- changeNumber is a hint between dated files: it fell in lawful weeks and stood still over a change. Both are noted.
- The same date with other content: noted as published again, if changeNumber rose or stayed; refused as an earlier
  edition, if it fell.
- Where one side has no date (\`ServiceTags_Public_Latest.json\`, the Service Tag Discovery API), changeNumber is all there is:
  lower is refused, as is over 1,000 higher, which would keep every real file out; equal with other content is noted.
- The XML form has no changeNumber; its date decides alone.

## The replays

Every weekly file of the archive in the order of its date, with the output tree kept in memory. A refused week leaves
the tree as it was, and the next week is compared with the last that was published. The archive has holes: the
configured replays carry their tree over them, those of every service tag begin anew after more than ${HOLE} days. In
these, one rule names every tag, and a tag that vanished or was emptied is accepted, as its owner would have to.
\`new-space\` would refuse 2022-10-17, the largest growth of the archive, and 2025-02-17, the first file after a hole of 399
days: both are accepted by name (\`--accept 2022-10-17:new-space\`).

${replays}

The connector's configuration (\`data/replay/public.yaml\`), guards by weeks; \`·\` passed, \`–\` not judged:

${condensed(connector)}

${said(connector, ({ outcome }) => outcome !== 'passed')}

With AzureDataLake, the wrong week 2022-05-09 (20 prefixes became 2,468, and 19 a week later) is refused; the tree of
2022-05-02 stays, so its return passes:

${said(lake, ({ date, outcome }) => outcome !== 'passed' && date.startsWith('2022-05'))}

Had it been accepted, its return would be refused:

${said(accepted, ({ date, outcome }) => outcome !== 'passed' && (date === WRONG || date === '2022-05-16'))}

Every service tag, guards by weeks:

${condensed(every)}

## Bad weeks

\`node scripts/bad-weeks.js DIR/public\` does to the week of 2025-07-21 what should not reach a firewall, the week before being in force, and says what a run
makes of it; a chain does it again every week, the accepted weeks staying in force. No device sees a week whose rules allow the same as before:
another tag of the rule has the addresses, such as AzureCloud those of AzureActiveDirectory.

${markdownTable({ title: '', header: ['what is done', 'outcome'], rows: bad.rows, right: [] })}

${markdownTable({ title: '', header: ['chain of ten weeks', 'outcome'], rows: bad.chains, right: [] })}

One kind of these weeks passes as routine: small blocks in the gaps of a /24 that is Azure's in part. Networks do not accept a longer
prefix from each other (RFC 7454, 6.1.3), so the addresses are routed with those of Azure and cannot be another network's.
One or a few blocks of a /25 or more beside those of Azure are routine as well, as Azure grows into such blocks every month, and nothing in the
file says whose they are. Who announces them does: configure \`origins\`, which \`init\` writes as a comment, and such a week asks for a look.
What a lawful week does a poisoned one can do once: a service that
gains two addresses, or loses fewer than 64, is routine; the third such week in 35 days is not.

### On a first run

A tree that remembers no space, a first run's above all, is judged by \`data/known-space.yaml\`: how many IPv4 addresses of
each /12, and how many IPv6 /64 networks of each /32, the weekly files at hand ever had (public: ${figures.public}; usgov:
${figures.usgov}; china: ${figures.china}). These are figures of ranges; no range of a file is in it. \`npm run known-space -- DIR\`
makes it anew. A /8 without any and a block with more than it ever had are new. A feed of the figures' date or before may have
the limits of one step of \`new-space\` beyond them; from a quarter of these on it asks for a look. A newer one is refused over 64 times the limit
of \`farAddresses\` and two times more for every 28 days, over two times that of \`addresses\` and as much again for every
112 days, and over that of \`ipv6Networks\` for every 28 days; a cloud of fewer than 25,165,824 known addresses in
proportion. Had the archive ended at any of its files, all files after it would pass, but for some pairs on both sides of
2022-10-17, and so do those of usgov and china. What only swaps addresses inside known blocks no first run can know.

${markdownTable({ title: '', header: ['what is done', 'file of 2025-07-21', 'file of 2026-11-16'], rows: bad.firstRuns, right: [] })}

## Injected faults

\`npx vitest run test/replay/injected-faults.test.ts\` injects faults into a real week (tags emptied, gone, halved in three
ways, 0.0.0.0/0, ::/0 and 10.0.0.0/8 added, the list of another tag, half a file, old files, another cloud's file) and
prints the table of faults and the guards that refuse them.

## Lines changed, and cost

Lines that came or went in the rule files of the connector's replay, against the fewest possible: the symmetric
difference of the prefixes and names that the target writes. The rest is digests, a line in every file of rules that can
have comments, and counts, a line for each rule whose count changed. On PAN-OS a prefix stands on three lines: its object,
its member of a group, its entry of the list to fetch. No other line moves, but for the one prefix with which a PAN-OS group
outgrows 2,500 members: \`test/targets/stable-lines.test.ts\`.

${markdownTable(churnTable(connector.weeks))}

${replaySummary(connector.weeks).at(-1)} Every service tag in one rule: ${replaySummary(every.weeks).at(-1).replace('A week', 'a week')}
`;
await writeFile(new URL('../docs/guards.md', import.meta.url), document);
console.error('docs/guards.md');
