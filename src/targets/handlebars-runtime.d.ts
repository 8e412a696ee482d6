/** Handlebars without the compiler. */
declare module 'handlebars/runtime.js' {
  import Handlebars = require('handlebars');

  export = Handlebars;
}
