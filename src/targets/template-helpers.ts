import type Handlebars from 'handlebars';
import { plainly, strictly } from './template-view.ts';

type Helper = (this: unknown, value: unknown, options: Handlebars.HelperOptions) => string;

/**
 * Handlebars' own block helpers render nothing for a missing value: a misspelt list would become an
 * empty rule file. These accept exactly one type each and throw for anything else.
 */
export const HELPERS: Readonly<Record<string, Helper>> = {
  each(value, options) {
    const list = plainly(value);
    if (!Array.isArray(list)) throw new HelperError('{{#each}} needs an array', options);
    return list
      .map((element: unknown, index) => {
        const item = strictly(element);
        return options.fn(item, {
          data: { ...options.data, index, first: index === 0, last: index === list.length - 1 },
          blockParams: [item, index],
        });
      })
      .join('');
  },
  if(value, options) {
    return truth('if', value, options) ? options.fn(this) : options.inverse(this);
  },
  unless(value, options) {
    return truth('unless', value, options) ? options.inverse(this) : options.fn(this);
  },
  with(value, options) {
    const object = plainly(value);
    if (typeof object !== 'object' || object === null)
      throw new HelperError('{{#with}} needs an object', options);
    return options.fn(strictly(object), { data: options.data, blockParams: [strictly(object)] });
  },
};

function truth(helper: string, given: unknown, options: Handlebars.HelperOptions): boolean {
  const value = plainly(given);
  if (typeof value === 'boolean') return value;
  if (Array.isArray(value)) return value.length > 0;
  throw new HelperError(`{{#${helper}}} needs true, false or an array`, options);
}

/** Carries the line as Handlebars' own exceptions do. */
class HelperError extends TypeError {
  readonly lineNumber: number | undefined;

  constructor(message: string, options: Handlebars.HelperOptions) {
    super(message);
    // `loc` is set at run time but missing in the type declarations.
    this.lineNumber = (options as { loc?: { start: { line: number } } }).loc?.start.line;
  }
}
