/** Two output trees, `old` and `new`, that differ in every way two trees can; `size` files change their text. */
export function generation(name: 'old' | 'new', size: number): Map<string, string>;
