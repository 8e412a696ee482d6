import { describe, expect, it } from 'vitest';
import { formatPrefix } from '../../src/net/prefix.ts';
import { diffSnapshots } from '../../src/policy/diff/snapshots.ts';
import { realWeek } from '../review/weeks.ts';
import { feedsAvailable } from '../support/feeds.ts';
import { lacks } from '../support/programs.ts';
import { weekDifference } from '../support/week-difference.ts';

describe.skipIf(!feedsAvailable || lacks('python3'))('real weeks, against Python', () => {
  it('20230123 → 20230130: 363 tags vanish, and nearly no address with them', () => {
    const [rule] = diffSnapshots(realWeek('20230123'), realWeek('20230130')).rules;
    const removed = rule!.tags.filter(({ presence }) => presence === 'removed');
    expect(removed).toHaveLength(363);
    const answer = weekDifference('20230123', '20230130', []);
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
