import type { Policy } from '../policy.ts';
import { admissionOfRule } from '../rule-admission.ts';

/** A rule that allows nothing that another does not. */
export interface NestedRules {
  readonly inner: string;
  readonly outer: string;
}

/** The rules that lie wholly in another; of two equal ones the later lies in the earlier. */
export function findNestedRules({ rules }: Policy): NestedRules[] {
  const all = rules.map((rule) => ({ name: rule.name, admission: admissionOfRule(rule) }));
  return all.flatMap(({ name, admission }, index) => {
    if (admission.isEmpty) return [];
    const outer = all.find(
      (other, place) =>
        place !== index &&
        admission.difference(other.admission).isEmpty &&
        (place < index || !other.admission.difference(admission).isEmpty),
    );
    return outer === undefined ? [] : [{ inner: name, outer: outer.name }];
  });
}
