import type { AllowlistConfig } from '../config/config.ts';

/**
 * The configuration without endpoint sets of Microsoft 365, of which no weekly archive exists; rules that
 * have nothing else are left out, and named.
 */
export function withoutM365(config: AllowlistConfig): {
  readonly config: AllowlistConfig;
  /** The rules that had endpoint sets. */
  readonly touched: readonly string[];
} {
  const rules = config.rules.flatMap((rule) => {
    const { endpoints, hosts, serviceTags, prefixes, m365 } = rule;
    const others = endpoints.length + hosts.length + serviceTags.length + prefixes.length;
    return m365.length > 0 && others === 0 ? [] : [{ ...rule, m365: [] }];
  });
  const touched = config.rules.filter(({ m365 }) => m365.length > 0).map(({ name }) => name);
  return { config: { ...config, rules }, touched };
}
