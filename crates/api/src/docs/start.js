// The page of the API: what /api/openapi.json says, to read and to try with the cookie of this browser.
const dark = matchMedia('(prefers-color-scheme: dark)')
const paint = () => document.documentElement.classList.toggle('dark-mode', dark.matches)
paint()
dark.addEventListener('change', paint)

SwaggerUIBundle({
  url: '/api/openapi.json',
  dom_id: '#docs',
  deepLinking: true,
  displayRequestDuration: true,
  filter: true,
  // Nobody else is asked whether the document is valid.
  validatorUrl: null,
})
