import type { Guard } from './guard.ts';

/** How many problems the note names. */
const SHOWN = 3;

/**
 * What is wrong in service tags that no rule uses: it cannot reach a rule file, and must not keep a week from the firewalls.
 * In a tag that a rule uses the same is no feed at all (exit status 4).
 */
export const feedQuarantine: Guard = {
  name: 'feed-quarantine',
  applies: ({ snapshot }) => snapshot.quarantined !== undefined,
  judge: ({ snapshot: { quarantined = [] } }) => {
    const said = quarantined
      .slice(0, SHOWN)
      .map(
        ({ tag, kept, problem }) =>
          `${problem.where}: ${problem.what} (${tag === undefined ? 'no name' : JSON.stringify(tag.slice(0, 80))}, ${kept ? 'its addresses count' : 'left out'})`,
      );
    const more = quarantined.length > SHOWN ? `, and ${quarantined.length - SHOWN} more` : '';
    return [{ refuse: false, message: `in service tags that no rule uses: ${said.join('; ')}${more}` }];
  },
};
