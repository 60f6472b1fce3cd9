// Parses and analyses each query of deploy/kql against the tables that are shipped. `node kql_check.js <package's folder> <deploy>`: a line a finding; exit code 1 when there is one.
// Called by kql_check.py, which installs the package: Microsoft's own parser of Kusto's language, @kusto/language-service-next.
"use strict";

const fs = require("fs");
const path = require("path");

const [folder, deploy] = process.argv.slice(2);
require(path.join(folder, "bridge.min.js"));
require(path.join(folder, "Kusto.Language.Bridge.min.js"));

const { GlobalState, KustoCode, Symbols } = Kusto.Language;

// Azure's own tables that a query reads, with the columns that it may ask for.
const azures = {
  DCRLogErrors: "TimeGenerated:datetime, InputStreamId:string, OperationName:string, Message:string",
  _LogOperation: "TimeGenerated:datetime, Category:string, Operation:string, Level:string, Detail:string",
};
const shipped = fs
  .readdirSync(path.join(deploy, "log-analytics"))
  .filter((name) => name.endsWith("_table.json"))
  .map((name) => JSON.parse(fs.readFileSync(path.join(deploy, "log-analytics", name), "utf8")))
  .map((document) => [document.table, document.columns.map((column) => `${column.name}:${column.type}`).join(", ")]);
const tables = [...shipped, ...Object.entries(azures)].map(([name, columns]) => Symbols.TableSymbol.From(`(${columns})`).WithName(name));
const globals = GlobalState.Default.WithDatabase(new Symbols.DatabaseSymbol.ctor("workspace", tables));

let queries = 0;
let findings = 0;
for (const where of ["kql", path.join("kql", "alerts")]) {
  for (const name of fs.readdirSync(path.join(deploy, where)).filter((each) => each.endsWith(".kql"))) {
    const text = fs.readFileSync(path.join(deploy, where, name), "utf8");
    const found = KustoCode.ParseAndAnalyze(text, globals).GetDiagnostics();
    queries += 1;
    for (let at = 0; at < found.Count; at += 1) {
      const one = found.getItem(at);
      const line = text.slice(0, one.Start).split("\n").length;
      console.log(`deploy/${where}/${name}:${line}: ${one.Code} ${one.Message} [${text.slice(one.Start, one.Start + one.Length)}]`);
      findings += 1;
    }
  }
}
console.log(`${queries} queries, ${findings} findings`);
process.exit(queries === 0 || findings > 0 ? 1 : 0);
