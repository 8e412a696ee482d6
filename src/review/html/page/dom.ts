type Child = Node | string;

/** Makes an element; text is always text, never markup. */
export function element<K extends keyof HTMLElementTagNameMap>(
  name: K,
  attributes: Readonly<Record<string, string>> = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

/** The element with the id, if the page has it: sections without content are left out. */
export function place(id: string): HTMLElement | undefined {
  return document.getElementById(id) ?? undefined;
}

/** `12,288`. */
export function digits(count: number): string {
  return Math.round(count).toLocaleString('en-US');
}
