/*
 * What a template sees of the view. Handlebars in strict mode lets some misspelt fields pass as empty places: those of a
 * block parameter, of a string or number, and whatever every object of JavaScript has (`toString`).
 */

const PLAIN = Symbol('what a template sees the value as');

/** What a whole object or list becomes in a text: never a part of a rule file. */
export const WHOLE_OBJECT = '[object Object]';

/** A field that a value of the view does not have. */
export class MissingField extends TypeError {
  readonly field: string;

  constructor(field: string) {
    super(`there is no ${JSON.stringify(field)} here`);
    this.field = field;
  }
}

/** A value of the view that has its own fields and no others, at any depth. @throws MissingField for any other */
export function strictly(value: unknown): unknown {
  if (value === undefined || value === null) return value;
  if (typeof value !== 'object') return scalar(value);
  if (PLAIN in value) return value;
  return new Proxy(value, OWN_FIELDS);
}

/** The value itself, for the helpers. */
export function plainly(value: unknown): unknown {
  return typeof value === 'object' && value !== null && PLAIN in value
    ? (value as { readonly [PLAIN]: unknown })[PLAIN]
    : value;
}

const OWN_FIELDS: ProxyHandler<object> = {
  has: (target, key) => key === PLAIN || Object.hasOwn(target, key),
  get: (target, key) => {
    if (key === PLAIN) return target;
    if (key === Symbol.toPrimitive) return () => WHOLE_OBJECT;
    if (typeof key === 'symbol') return Reflect.get(target, key);
    if (!Object.hasOwn(target, key)) throw new MissingField(key);
    return strictly(Reflect.get(target, key));
  },
};

/** A string, number or truth value is written as it is, and has no fields. */
function scalar(value: unknown): object {
  return new Proxy(
    {},
    {
      has: (_, key) => key === PLAIN,
      get: (_, key) => {
        if (key === PLAIN) return value;
        if (key === Symbol.toPrimitive) return () => value;
        if (typeof key === 'string') throw new MissingField(key);
        return undefined;
      },
    },
  );
}
