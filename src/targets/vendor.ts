import type { Admission } from '../policy/admission.ts';
import type { TargetPlan } from './plan.ts';
import type { RuleFile, TemplateTexts } from './render.ts';
import type { View } from './view.ts';

/**
 * What a target brings beyond its templates: `src/targets/vendors/<id>.ts` exports a constant `vendor`
 * of this type. A target whose templates and line grammars suffice has none.
 */
export interface Vendor {
  /** Adds what the templates need (object names, nesting, hashes) to the view. Pure. */
  readonly extendView?: (view: View, plan: TargetPlan) => View & Readonly<Record<string, unknown>>;
  /**
   * Reads the rendered files back, strictly: what is not understood is a ReadBackError. Pure. The templates
   * are there for targets whose files hold a program, which must be the template's own.
   */
  readonly readBack?: (files: readonly RuleFile[], templates: TemplateTexts) => Admission;
}
