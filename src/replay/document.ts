import type { DualStackSet } from '../net/dual-stack-set.ts';
import type { ReplayedWeek } from './replay.ts';

/** A replay as one JSON document; address counts are strings, IPv6 has more than a number holds. */
export function replayDocument(weeks: readonly ReplayedWeek[]): object {
  return {
    version: 1,
    weeks: weeks.map(({ gained, lost, days, message, notes, churn, cost, findings, ...week }) => ({
      ...week,
      days: days ?? null,
      findings: findings.filter(({ outcome }) => outcome !== 'passed' && outcome !== 'not judged'),
      guards: [...new Set(findings.map(({ guard }) => guard))],
      message: message ?? null,
      gained: sizes(gained),
      lost: sizes(lost),
      notes: notes.map(({ kind, rule, tag, text, addresses }) => ({
        kind,
        rule,
        tag,
        text,
        addresses: addresses === undefined ? null : sizes(addresses),
      })),
      churn: churn ?? null,
      milliseconds: Math.round(cost.milliseconds),
      peakMemory: cost.peakMemory,
    })),
  };
}

function sizes({ ipv4, ipv6 }: DualStackSet) {
  return { ipv4: ipv4.size.toString(), ipv6: ipv6.size.toString() };
}
