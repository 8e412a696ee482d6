import { AllowlistError } from '../problem.ts';
import { readRegularText } from '../regular-file.ts';
import type { NotifiedEvent } from './event.ts';

/**
 * Renders an event with a Handlebars template of the user: the fields of `NotifiedEvent`, and `{{json FIELD}}` for a value
 * as JSON. Nothing is escaped.
 * @throws AllowlistError for a file that cannot be read, or a template that uses a field that is not there
 */
export async function renderEvent(file: string, event: NotifiedEvent): Promise<string> {
  const { default: Handlebars } = await import('handlebars');
  const handlebars = Handlebars.create();
  // Handlebars is not strict about what a helper is given.
  handlebars.registerHelper('json', (value: unknown) => {
    if (value === undefined) throw new Error('{{json}} needs a field that the event has');
    return JSON.stringify(value);
  });
  try {
    const template = handlebars.compile(await readRegularText(file), { strict: true, noEscape: true });
    return template({ ...event, link: event.link ?? null });
  } catch (error) {
    throw new AllowlistError(`${file}: ${(error as Error).message}`, [], { cause: error });
  }
}
