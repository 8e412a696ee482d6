import { closest } from '../../suggest.ts';
import type { Guard } from './guard.ts';

/** A configured tag that the feed does not have: renamed, withdrawn, or misspelt. */
export const tagMissing: Guard = {
  name: 'tag-missing',
  check:
    'Check for a new name of the tag (azure-allowlist tags), and change the configuration instead where there is one.',
  judge: ({ configuredTags, snapshot }) =>
    [...configuredTags]
      .filter(([tag]) => !snapshot.tags.has(tag))
      .map(([tag, rules]) => {
        const near = closest(tag, snapshot.tags.keys());
        const hint = near.length > 0 ? `; did you mean ${near.join(' or ')}?` : '';
        return {
          refuse: true,
          message: `the feed has no service tag ${tag}, which ${rulesText(rules)}${hint} (rules[].serviceTags)`,
        };
      }),
};

/** A configured tag without a single prefix. */
export const tagEmpty: Guard = {
  name: 'tag-empty',
  check: 'Check for a later file in which the tag has prefixes again.',
  judge: ({ configuredTags, snapshot }) =>
    [...configuredTags]
      .filter(([tag]) => snapshot.tags.get(tag)?.prefixCount === 0)
      .map(([tag, rules]) => ({
        refuse: true,
        message: `the service tag ${tag} has no prefixes, which ${rulesText(rules)} (rules[].serviceTags)`,
      })),
};

/** A rule, or the whole policy, that would let nothing through. */
export const emptyPolicy: Guard = {
  name: 'empty-policy',
  check: 'Check the rule in the configuration: its devices would get nothing from it.',
  judge: ({ policy }) =>
    policy.rules
      .filter(({ names, addresses }) => names.length === 0 && addresses.isEmpty)
      .map(({ name }) => ({ refuse: true, message: `rule ${name} allows nothing any more` })),
};

function rulesText(rules: readonly string[]): string {
  return rules.length === 1 ? `rule ${rules[0]} needs` : `the rules ${rules.join(', ')} need`;
}
