// What `npm run build` does ahead with the product's own code, so that both know the same names.
export { parsedName } from './parsed-yaml.ts';
export { sha256 } from './sha256.ts';
export { precompile } from './targets/template-engine.ts';
