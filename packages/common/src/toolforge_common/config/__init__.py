"""Configuration of the command-line programs: files of the installation and of the user, and who the tool is.

client    `load_config`: where the gateway is, and the sections of each client
account   `load_account`: the tool and its credentials, from the kubeconfig
files     which files are read, and their contents put together
cache     what the files said last time, so that YAML is parsed only when one of them has changed
"""
