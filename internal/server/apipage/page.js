// Shows openapi.json with the code samples of samples.json. The search of Redoc runs in a worker made of text,
// which the page's policy does not allow.
const options = { disableSearch: true, nativeScrollbars: true, expandResponses: '200' };
const methods = ['get', 'put', 'post', 'delete', 'patch'];

async function load(path) {
  const answer = await fetch(path);
  if (!answer.ok) {
    throw new Error(`${path}: ${answer.status}`);
  }
  return answer.json();
}

// withSamples adds x-codeSamples to the operations that have samples.
function withSamples(document, samples) {
  for (const path of Object.values(document.paths)) {
    for (const operation of methods.map((method) => path[method]).filter(Boolean)) {
      if (samples[operation.operationId]) {
        operation['x-codeSamples'] = samples[operation.operationId];
      }
    }
  }
  return document;
}

const place = window.document.getElementById('api');
Promise.all([load('/openapi.json'), load('/docs/samples.json')]).then(
  ([specification, samples]) => window.Redoc.init(withSamples(specification, samples), options, place),
  (error) => { place.textContent = `This page could not be loaded: ${error.message}`; },
);
