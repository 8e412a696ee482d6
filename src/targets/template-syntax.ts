import type Handlebars from 'handlebars';

/** How many block parameters a helper gives, and whether it has an `{{else}}`. */
const BLOCKS: Readonly<Record<string, { readonly parameters: number; readonly hasElse: boolean }>> = {
  each: { parameters: 2, hasElse: false },
  if: { parameters: 0, hasElse: true },
  unless: { parameters: 0, hasElse: true },
  with: { parameters: 1, hasElse: false },
};

/** What Handlebars would take and the helpers here would not see. Carries the line as Handlebars' own exceptions do. */
class SyntaxProblem extends Error {
  readonly lineNumber: number;

  constructor(node: hbs.AST.Node, message: string) {
    super(message);
    this.lineNumber = node.loc.start.line;
  }
}

/**
 * Refuses the parts of the language of which the helpers here would ignore something, or that end in an exception of
 * JavaScript: partials, decorators, other helpers, and arguments or block parameters that a helper does not have.
 * @throws Error with `lineNumber`
 */
export function checkSyntax(visitor: Handlebars.Visitor, template: hbs.AST.Program): void {
  const visitBlock = visitor.BlockStatement.bind(visitor);
  const visitPlace = visitor.MustacheStatement.bind(visitor);
  const refuse = (what: string) => (node: hbs.AST.Node) => {
    throw new SyntaxProblem(node, `${what} are not known here: write what they would stand for`);
  };
  visitor.PartialStatement = refuse('partials');
  visitor.PartialBlockStatement = refuse('partials');
  visitor.Decorator = refuse('decorators and inline partials');
  visitor.DecoratorBlock = refuse('decorators and inline partials');
  visitor.SubExpression = refuse('subexpressions');
  visitor.BlockStatement = (node) => {
    checkBlock(node);
    visitBlock(node);
  };
  visitor.MustacheStatement = (node) => {
    checkPlace(node);
    visitPlace(node);
  };
  visitor.accept(template);
}

function checkBlock(node: hbs.AST.BlockStatement): void {
  const name = node.path.original;
  const block = Object.hasOwn(BLOCKS, name) ? BLOCKS[name]! : undefined;
  if (block === undefined)
    throw new SyntaxProblem(
      node,
      `{{#${name}}} is not known here; there are ${Object.keys(BLOCKS).join(', ')}: write {{#each ${name}}} or {{#if ${name}}}`,
    );
  if (node.params.length !== 1 || node.hash !== undefined)
    throw new SyntaxProblem(node, `{{#${name}}} takes one value`);
  // An {{else}} without anything before it ({{^if x}}) leaves `program` out.
  const given = Math.max(node.program?.blockParams?.length ?? 0, node.inverse?.blockParams?.length ?? 0);
  if (given > block.parameters)
    throw new SyntaxProblem(
      node,
      `{{#${name}}} gives ${block.parameters === 0 ? 'no names' : `${block.parameters} at most`} behind "as"`,
    );
  if (!block.hasElse && node.inverse !== undefined && node.inverse !== null)
    throw new SyntaxProblem(node, `{{#${name}}} has no {{else}}: write {{#if}} around it`);
}

function checkPlace(node: hbs.AST.MustacheStatement): void {
  const name = 'original' in node.path ? String(node.path.original) : '';
  if (node.path.type !== 'PathExpression')
    throw new SyntaxProblem(node, `{{${name}}} is no field: write it without braces`);
  if (Object.hasOwn(BLOCKS, name))
    throw new SyntaxProblem(node, `{{${name}}} needs # before it and {{/${name}}} behind what it is for`);
  if (node.params.length > 0 || node.hash !== undefined || /^(block)?[hH]elperMissing$/.test(name))
    throw new SyntaxProblem(node, `there is no helper ${JSON.stringify(name)}`);
}
