// Checks a PowerSync service.yaml, given on stdin, with the JSON schema that PowerSync publishes.
// Prints {"errors": […], "config": …}; the list is empty for a valid one.

import { readFileSync } from 'node:fs';
import { text } from 'node:stream/consumers';

import Ajv from 'ajv';
import { parse } from 'yaml';

// The package holds the schema as a file, which it does not export.
const schema = new URL(
  'node_modules/@powersync/service-schema/json-schema/powersync-config.json',
  import.meta.url,
);
// `strict` is about how a schema is written, and this one is not ours.
const validate = new Ajv({ allErrors: true, allowUnionTypes: true, strict: false }).compile(
  JSON.parse(readFileSync(schema, 'utf8')),
);

const config = parse(await text(process.stdin));
validate(config);
console.log(JSON.stringify({ errors: validate.errors ?? [], config }));
