import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { App } from './app.tsx'
import { showLanguage, startLanguages } from './i18n.ts'
import { followTheme } from './parts/appearance.ts'
import { getSettings, subscribeSettings } from './settings.ts'
import './styles.css'

startLanguages(getSettings().language)
subscribeSettings(({ language }) => showLanguage(language))
followTheme()
const root = document.getElementById('root')
if (!root) throw new Error('index.html has no #root')
createRoot(root).render(
  <StrictMode>
    <App />
  </StrictMode>,
)
