import type Handlebars from 'handlebars';

type Helper = (this: unknown, value: unknown, options: Handlebars.HelperOptions) => string;

/**
 * Handlebars' own block helpers render nothing for a missing value: a misspelt list would become an
 * empty rule file. These accept exactly one type each and throw for anything else.
 */
export const HELPERS: Readonly<Record<string, Helper>> = {
  each(value, options) {
    if (!Array.isArray(value)) throw new HelperError('{{#each}} needs an array', options);
    return value
      .map((item, index) =>
        options.fn(item, {
          data: { ...options.data, index, first: index === 0, last: index === value.length - 1 },
          blockParams: [strictly(item), index],
        }),
      )
      .join('');
  },
  if(value, options) {
    return truth('if', value, options) ? options.fn(this) : options.inverse(this);
  },
  unless(value, options) {
    return truth('unless', value, options) ? options.inverse(this) : options.fn(this);
  },
  with(value, options) {
    if (typeof value !== 'object' || value === null)
      throw new HelperError('{{#with}} needs an object', options);
    return options.fn(value, { data: options.data, blockParams: [strictly(value)] });
  },
};

/**
 * A value as a block parameter: Handlebars looks fields up in one without being strict, and a misspelt field would be an
 * empty place in a rule file.
 */
function strictly(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  return new Proxy(value, {
    get: (target, key, receiver) => {
      if (typeof key === 'string' && !(key in target)) throw new MissingField(key);
      return strictly(Reflect.get(target, key, receiver));
    },
  });
}

/** A field that the value of a block parameter does not have. */
export class MissingField extends TypeError {
  readonly field: string;

  constructor(field: string) {
    super(`there is no ${JSON.stringify(field)} here`);
    this.field = field;
  }
}

function truth(helper: string, value: unknown, options: Handlebars.HelperOptions): boolean {
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
