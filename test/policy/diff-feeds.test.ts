import { spawnSync } from 'node:child_process';
import pc from 'picocolors';
import { describe, expect, it } from 'vitest';
import { formatPrefix } from '../../src/net/prefix.ts';
import { diffSnapshots } from '../../src/policy/diff/snapshots.ts';
import { reviewFeeds } from '../../src/review/feeds.ts';
import { makePageData } from '../../src/review/html/make-page-data.ts';
import { writeHtml } from '../../src/review/html/write-html.ts';
import { reviewDocument } from '../../src/review/json.ts';
import { writeMarkdown } from '../../src/review/markdown.ts';
import { writeText } from '../../src/review/text.ts';
import { realWeek } from '../review/weeks.ts';
import { feedFile, feedsAvailable } from '../support/feeds.ts';
import { lacks } from '../support/programs.ts';

/** The difference by Python's own arithmetic: `ipaddress` parses and covers, a sweep over integers subtracts. */
const ORACLE = `
import gzip, ipaddress, json, sys
before, after, *tags = sys.argv[1:]
def load(path):
    values = json.load(gzip.open(path))["values"]
    return {v["name"]: v["properties"]["addressPrefixes"] for v in values if not tags or v["name"] in tags}
def ranges(texts, version):
    nets = [n for n in map(ipaddress.ip_network, texts) if n.version == version]
    return [(int(n[0]), int(n[-1])) for n in ipaddress.collapse_addresses(nets)]
def minus(a, b):
    out = []
    j = 0
    for first, last in a:
        while j < len(b) and b[j][1] < first: j += 1
        for k in range(j, len(b)):
            f, l = b[k]
            if f > last: break
            if f > first: out.append((first, f - 1))
            first = l + 1
            if first > last: break
        if first <= last: out.append((first, last))
    return out
def cover(a, version):
    cls = ipaddress.IPv4Address if version == 4 else ipaddress.IPv6Address
    nets = [n for f, l in a for n in ipaddress.summarize_address_range(cls(f), cls(l))]
    return [str(n) for n in ipaddress.collapse_addresses(nets)]
def space(a, b):
    out = {}
    for key, x, y in (("gained", b, a), ("lost", a, b)):
        out[key] = {}
        for v in (4, 6):
            rest = minus(ranges(x, v), ranges(y, v))
            out[key]["ipv%d" % v] = {"addresses": str(sum(l - f + 1 for f, l in rest)), "prefixes": cover(rest, v)}
    return out
def order(texts): return [str(n) for n in sorted(map(ipaddress.ip_network, texts), key=lambda n: (n.version, int(n[0]), n.prefixlen))]
old, new = load(before), load(after)
result = {}
for name in sorted(set(old) | set(new)):
    a, b = old.get(name, []), new.get(name, [])
    if set(a) != set(b) or (name in old) != (name in new):
        result[name] = {"gained": order(set(b) - set(a)), "lost": order(set(a) - set(b)), "space": space(a, b)}
everything = lambda of: sorted({p for ps in of.values() for p in ps})
print(json.dumps({"tags": result, "space": space(everything(old), everything(new))}))
`;

interface OracleSpace {
  readonly gained: Record<'ipv4' | 'ipv6', { addresses: string; prefixes: string[] }>;
  readonly lost: OracleSpace['gained'];
}

interface OracleAnswer {
  readonly tags: Record<string, { gained: string[]; lost: string[]; space: OracleSpace }>;
  readonly space: OracleSpace;
}

function oracle(before: string, after: string, tags: readonly string[]): OracleAnswer {
  const result = spawnSync('python3', ['-c', ORACLE, feedFile(before), feedFile(after), ...tags], {
    encoding: 'utf8',
    maxBuffer: 1 << 28,
    timeout: 120_000,
  });
  expect(result.stderr).toBe('');
  return JSON.parse(result.stdout) as OracleAnswer;
}

const SELECTED = ['AzureCloud', 'ServiceBus', 'AzureDataLake', 'WindowsVirtualDesktop'];

const PAIRS = [
  ['20250714', '20250721'],
  ['20230123', '20230130'],
  ['20220502', '20220509'],
  ['20220509', '20220516'],
  ['20240108', '20240115'],
  ['20200824', '20200827'],
] as const;

describe.skipIf(!feedsAvailable || lacks('python3'))('real weeks, against Python', () => {
  it.each(PAIRS)('%s → %s: the selected tags', (before, after) => {
    const answer = oracle(before, after, SELECTED);
    const review = reviewFeeds(realWeek(before), realWeek(after), { before, after }, new Set(SELECTED));
    const rule = reviewDocument(review).rules[0]!;
    const pick = ({ gained, lost }: OracleSpace) => ({
      gained: { ipv4: { ...gained.ipv4 }, ipv6: { ...gained.ipv6 } },
      lost: { ipv4: { ...lost.ipv4 }, ipv6: { ...lost.ipv6 } },
    });
    const bare = (space: typeof rule.space) => {
      const family = ({ addresses, prefixes }: { addresses: string; prefixes: string[] }) => ({
        addresses,
        prefixes,
      });
      const side = ({ ipv4, ipv6 }: typeof space.gained) => ({ ipv4: family(ipv4), ipv6: family(ipv6) });
      return { gained: side(space.gained), lost: side(space.lost) };
    };
    expect(rule.tags.map(({ tag }) => tag)).toEqual(Object.keys(answer.tags));
    for (const tag of rule.tags) {
      const expected = answer.tags[tag.tag]!;
      expect(tag.prefixes).toEqual({ gained: expected.gained, lost: expected.lost });
      expect(bare(tag.space)).toEqual(pick(expected.space));
    }
    expect(bare(rule.space)).toEqual(pick(answer.space));
    // The figures that people read are the same ones, in every form.
    const forms = {
      text: writeText(review, { width: 200, colors: pc.createColors(false) }),
      markdown: writeMarkdown(review),
      html: writeHtml(review, { script: '', style: '' }),
    };
    for (const [form, written] of Object.entries(forms))
      for (const [sign, side] of [
        ['+', 'gained'],
        ['−', 'lost'],
      ] as const) {
        const { addresses } = answer.space[side].ipv4;
        if (addresses !== '0')
          expect(written, form).toContain(
            `${sign} ${Number(addresses).toLocaleString('en-US')} IPv4 address`,
          );
      }
    const rows = Object.values(answer.tags).reduce(
      (sum, { gained, lost }) => sum + gained.length + lost.length,
      0,
    );
    expect(makePageData(review).rows).toHaveLength(rows);
  });

  it('20230123 → 20230130: 363 tags vanish, and nearly no address with them', () => {
    const [rule] = diffSnapshots(realWeek('20230123'), realWeek('20230130')).rules;
    const removed = rule!.tags.filter(({ presence }) => presence === 'removed');
    expect(removed).toHaveLength(363);
    const answer = oracle('20230123', '20230130', []);
    expect(Object.keys(answer.tags)).toEqual(rule!.tags.map(({ tag }) => tag));
    expect(rule!.space.lost.toStrings()).toEqual([
      ...answer.space.lost.ipv4.prefixes,
      ...answer.space.lost.ipv6.prefixes,
    ]);
    for (const tag of rule!.tags)
      expect(tag.prefixes.lost.map(formatPrefix)).toEqual(answer.tags[tag.tag]!.lost);
  });

  it('20250811 → 20250818: the same content in another week differs in nothing', () => {
    expect(diffSnapshots(realWeek('20250811'), realWeek('20250818')).isEmpty).toBe(true);
  });
});
