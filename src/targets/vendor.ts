import type { DualStackSet } from '../net/dual-stack-set.ts';
import type { Admission } from '../policy/admission.ts';
import type { Policy } from '../policy/policy.ts';
import type { TargetPlan } from './plan.ts';
import type { RuleFile, TemplateTexts } from './render.ts';
import type { OptionValues, View } from './view.ts';

/**
 * What a target brings beyond its templates: `src/targets/vendors/<id>.ts` exports a constant `vendor`
 * of this type. A target whose templates and line grammars suffice has none.
 */
export interface Vendor {
  /**
   * Adds what the templates need (object names, nesting, hashes) to the view. Pure. The policy is there for targets
   * whose files name what is required without letting it through; the files that were published last, by path, for
   * those of an additive format, whose updates must take away what left, and for those that remember since when something
   * is there; the date of the weekly file, where it is known.
   */
  readonly extendView?: (
    view: View,
    plan: TargetPlan,
    policy: Policy,
    inForce: ReadonlyMap<string, string>,
    week?: string,
  ) => View & Readonly<Record<string, unknown>>;
  /**
   * Reads the rendered files back, strictly: what is not understood is a ReadBackError. Pure. The templates
   * are there for targets whose files hold a program, which must be the template's own.
   */
  readonly readBack?: (files: readonly RuleFile[], templates: TemplateTexts) => Admission;
  /**
   * Reads back the list of each rule and family, by its `id` of the view: where they are used one by one, the union that
   * `readBack` gives does not tell that one has lost what another still has. Of files that `readBack` takes. Strict. Pure.
   */
  readonly readLists?: (files: readonly RuleFile[]) => ReadonlyMap<string, DualStackSet>;
  /**
   * Reads the options back out of files that `readBack` takes: those that are a part of what the files do, such as
   * zones or a mark, as far as the files hold anything that tells. They must be those that were asked for. Strict. Pure.
   */
  readonly readSettings?: (files: readonly RuleFile[], templates: TemplateTexts) => OptionValues;
  /**
   * Set where the files say more than reading them back can prove, such as where each entry comes from: a verification
   * renders them anew from the policy and compares the text.
   */
  readonly renderedAnew?: true;
}
