// Has AsyncAPI's own parser judge a document: node asyncapi_parser.cjs <file>. See tox -e asyncapi.
const { readFileSync } = require("node:fs");
const { Parser, DiagnosticSeverity } = require("@asyncapi/parser");

new Parser().parse(readFileSync(process.argv[2], "utf8")).then(({ document, diagnostics }) => {
  const wrong = diagnostics.filter((each) => each.severity <= DiagnosticSeverity.Warning);
  for (const each of wrong) console.error(`${each.path.join(".")}: ${each.message}`);
  if (!document || wrong.length) process.exit(1);
  console.log(`valid: ${document.allOperations().length} operations`);
});
